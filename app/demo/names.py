"""The words of the demo county. People, shops and companies are invented; nobody here exists."""

COUNTY = ("370812", "兖州区")
STREETS = ("鼓楼街道", "龙桥街道", "酒仙桥街道")
COMMUNITIES = (  # four of each street
    ("文化路社区", "九州社区", "中御桥社区", "建设路社区"),
    ("龙桥社区", "泗河社区", "大安社区", "新合社区"),
    ("酒仙桥社区", "兴隆社区", "铁西社区", "永安社区"),
)
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = (
    "小明", "建国", "晓东", "海燕", "志强", "文静", "立新", "春华", "俊杰", "玉兰", "宏伟", "丽娟", "少华", "景行", "思源", "雨晴", "长青",
)

ENTERPRISES = (  # name, social credit code, kind, headcount
    ("迅达配送有限公司", "91370812MA3D8X2K7M", "franchise", 86),
    ("九州快递兖州分拨中心", "91370812MA3F5Q9N41", "depot", 120),
    ("骑行生活平台兖州运营中心", "91370812MA3H1T6R2H", "platform", 310),
    ("泗河网约车服务有限公司", "91370812MA3K7W3P83", "platform", 64),
    ("兴隆货运站", "91370812MA3M2Y5U69", "other", 28),
)
ORGANISATIONS = (  # name, kind, formation, place in the tree of areas (code), position of the enterprise or None
    ("兖州区新就业群体行业综合党委", "comprehensive_committee", "trade", "370812", None),
    ("外卖骑手流动党支部", "mobile_branch", "joint", "370812", None),
    ("鼓楼街道快递行业党支部", "branch", "regional", "370812001", None),
    ("龙桥街道网约车货运党支部", "branch", "regional", "370812002", None),
    ("迅达配送公司党支部", "branch", "independent", "370812001", 0),
)
COVERS = ((1, 2), (1, 3))  # which organisation works in which enterprise that has none of its own (企企联建)
INSTRUCTED = 1  # the enterprise that an instructor is assigned to
CODE_OF = 1  # which of them has its 双找 code on the posters

SHOPS = ("便利店", "早餐铺", "超市", "理发店", "修车铺", "药店", "茶饮店", "洗衣店", "面馆", "服务驿站")
SHOP_CATEGORIES = {
    "便利店": "convenience", "早餐铺": "restaurant", "超市": "supermarket", "修车铺": "repair", "药店": "health", "茶饮店": "restaurant",
    "面馆": "restaurant",
}
WATER = "一瓶矿泉水"
REWARDS = (  # name, kind, points, stock (0: unlimited), cents that a store is paid, orders a month (0: no limit)
    (WATER, "goods", 20, 600, 150, 0), ("一杯热豆浆", "goods", 20, 300, 200, 4), ("一份茶叶蛋", "goods", 20, 200, 180, 4),
    ("免费充电一次", "service", 20, 0, 200, 8), ("停车一小时", "parking", 20, 0, 300, 8), ("手套一副", "goods", 30, 150, 300, 2),
    ("热干面一碗", "goods", 60, 120, 700, 4), ("牛肉面一碗", "goods", 100, 100, 1300, 4), ("包子一份", "goods", 40, 200, 500, 4),
    ("纯牛奶一盒", "goods", 30, 300, 300, 0), ("毛巾一条", "goods", 50, 100, 600, 2), ("雨衣一件", "goods", 120, 80, 1500, 1),
    ("保温杯一个", "goods", 200, 60, 2600, 1), ("反光背心一件", "goods", 100, 100, 1200, 1), ("手机支架一个", "goods", 80, 80, 900, 1),
    ("护膝一副", "goods", 150, 60, 1800, 1), ("充电宝租借一天", "service", 30, 0, 300, 0), ("洗衣一次", "service", 60, 0, 800, 4),
    ("理发一次", "service", 100, 0, 1200, 2), ("补胎一次", "service", 80, 0, 1000, 2), ("换刹车片", "service", 120, 0, 1500, 2),
    ("电动车检测一次", "service", 40, 0, 500, 2), ("量血压一次", "service", 20, 0, 100, 0), ("创可贴一盒", "goods", 20, 200, 200, 2),
    ("感冒冲剂一盒", "goods", 80, 80, 1000, 2), ("绿豆汤一杯", "goods", 20, 200, 150, 0), ("柠檬水一杯", "goods", 40, 300, 400, 4),
    ("奶茶一杯", "goods", 80, 200, 900, 4), ("口罩一包", "goods", 30, 200, 300, 2), ("暖宝宝五片", "goods", 40, 200, 400, 2),
    ("羽毛球场一小时", "venue", 150, 0, 2000, 2), ("健身房一次", "venue", 200, 0, 2500, 2), ("自习室半天", "venue", 60, 0, 600, 4),
    ("羊汤九折券", "discount", 30, 0, 300, 4), ("超市满五十减五", "discount", 50, 0, 500, 2), ("换机油八折券", "discount", 60, 0, 600, 1),
    ("电影票一张", "venue", 300, 50, 3000, 1), ("体检套餐", "service", 500, 30, 8000, 1), ("头盔一顶", "goods", 400, 40, 5500, 1),
    ("停车月卡", "parking", 500, 20, 9000, 1),
)
STORES_OF_WATER = 6

REPORTS = (  # category, what people write
    ("bin_overflow", "垃圾桶满了，垃圾散落在路边"), ("road_hole", "路面有坑，骑车经过很危险"), ("street_light", "路灯不亮，晚上看不清路"),
    ("bike_piled", "共享单车堆在盲道上"), ("rubbish_exposed", "墙角堆着几袋垃圾"), ("pavement_damage", "人行道砖翘起来了"),
    ("poster_illegal", "电线杆上贴满小广告"), ("manhole_missing", "井盖不见了，旁边没有围挡"),
    ("vehicle_disorder", "车停在单元门口，外卖车进不去"), ("grate", "雨水箅子断了一根"), ("goods_piled", "楼道里堆着纸箱"),
    ("traffic_sign", "路口的指示牌倒了"), ("hanging_wire", "线缆垂到路面上"), ("green_untidy", "绿化带里有很多塑料袋"),
    ("stall_outside", "摊位占了半条路"),
)
HAZARDS = frozenset({"manhole_missing", "hanging_wire"})
