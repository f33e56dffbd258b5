"""Every image that enters takes one way: only the room that rebuilds photos opens files of strangers."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = re.compile(r"^\s*(from|import) (PIL|pillow_heif)\b", re.MULTILINE)
# Where photos are cleaned; the demo and the bench, which draw their own and have them cleaned there; WeChat's codes, which no person sends.
ALLOWED = {"app/uploads/pictures.py", "app/demo/photos.py", "app/bench/stock.py", "app/wechat/answers.py"}


def test_images_are_opened_in_one_place() -> None:
    found = {str(path.relative_to(ROOT)) for path in ROOT.glob("app/**/*.py") if LIBRARY.search(path.read_text())}
    assert found == ALLOWED


def test_whoever_takes_a_file_in_gives_it_to_that_place() -> None:
    """A stranger's goes to a process of its own; the demo has its own cleaned where it is, and so has the bench's handler."""
    callers = re.compile(r"(pictures\.clean|darkroom\.\w+)\b")
    found = {(str(path.relative_to(ROOT)), name) for path in ROOT.glob("app/**/*.py") for name in callers.findall(path.read_text())}
    assert found == {
        ("app/uploads/routes.py", "darkroom.read"), ("app/uploads/apart.py", "pictures.clean"), ("app/main.py", "darkroom.opened"),
        ("app/demo/photos.py", "pictures.clean"), ("app/bench/bare.py", "pictures.clean"),
    }
