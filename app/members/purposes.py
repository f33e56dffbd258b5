"""What each consent is needed for, and what its withdrawal closes: told with every text, so that a person knows before saying no."""

from app.members.models import Purpose

REQUIRED_FOR: dict[Purpose, list[str]] = {
    Purpose.SERVICE: ["报到登记", "随手拍上报", "双报到", "积分兑换", "投诉和建议"],
    Purpose.LOCATION: ["随手拍上报"],
    Purpose.PARTY_IDENTITY: ["中共党员（含预备党员）报到"],
    Purpose.EMPLOYER_STATEMENT: ["在所在企业的月度积分报表中列出本人"],
    Purpose.PUBLICITY: ["列入季度公示名单", "列入年度评选候选名单"],
    Purpose.RISK_CHECK: ["向微信查询账号风险评级"],
}
WITHDRAWAL: dict[Purpose, str] = {
    Purpose.SERVICE: "撤回后不能再提交新的内容，仍可查看、更正、导出个人信息或注销账号，已提交的内容继续办理。",
    Purpose.LOCATION: "撤回后不能再提交上报，其他功能不受影响，已提交的上报继续办理。",
    Purpose.PARTY_IDENTITY: "撤回后，党员报到随即结束，申报的党员身份信息随即删除。",
    Purpose.EMPLOYER_STATEMENT: "撤回后，您的姓名和积分随即从所在企业的积分报表中撤下，只计入合计。",
    Purpose.RISK_CHECK: "撤回后，不再向微信查询，已保存的评级随即删除，其他功能不受影响。",
    Purpose.PUBLICITY: "撤回后，您随即不再出现在公示名单和评选候选名单中。",
}
