"""What stands around the pages of docs/: sections, the landing page, and links that hold on the site, too."""
from __future__ import annotations

import re
from pathlib import Path

from builder import sources
from builder.files import renew

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent

SECTIONS = {
    "learn": ("Learn", "From a number with a gradient to networks that see, read and draw.", """
        quickstart course examples reading life_of_backward life_of_an_in_place_write life_of_conv2d
        life_of_an_lstm_step life_of_a_training_step worked_examples"""),
    "use": ("Use", "Train, judge, save, look inside; with programs that were written for PyTorch.", """
        pytorch_programs differences_from_pytorch neighbours training distributed data models model_zoo vision sequences
        generative space seeing_inside free_labels features metrics distributions saving_and_loading file_format onnx
        browser/README looking_inside checking_gradients conventions performance gpu"""),
    "names": ("Names", "Every public name: what it does, what checks it, and what PyTorch has beside it.", """
        reference/index functions torch_names vision_names"""),
    "contribute": ("Contribute", "How the library is built, and how a change comes into it.", """
        project/CONTRIBUTING architecture adding_an_op adding_a_kernel adding_an_optimizer adding_a_model releasing
        project/CHANGELOG project/SECURITY project/LICENSE"""),
}
"""The parts of the site, beside the gallery, and their pages in order. A page that stands in none is one to use."""

PROJECT = ("CONTRIBUTING", "CHANGELOG", "SECURITY")
FILE = r"(?<![\[`\w])`((?:minidl|examples|benchmarks|tests)/[\w/.]+\.\w+)(?::(\d+))?`(?!\])"
LINK = r"(!?\[[^\[\]]*\])\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)"


def write(docs: Path) -> None:
    """The pages that no file of docs/ holds."""
    project, sections = docs / "project", docs / "sections"
    for name in PROJECT:
        renew(project / f"{name}.md", (ROOT / f"{name}.md").read_text(encoding="utf-8"))
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    digits = (ROOT / "minidl/vision/datasets/beyond_torchvision/digits.txt").read_text(encoding="utf-8")
    renew(project / "LICENSE.md", f"# Licence\n\n```text\n{licence}```\n\n## The digits\n\n```text\n{digits}```\n")
    for name, (title, told, _) in SECTIONS.items():
        listed = pages_of(name)
        lines = [f"# {title}", "", told, "", *[f"- {entry(docs, page)}" for page in listed], "",
                 "```{toctree}", ":hidden:", "", *[f"/{page}" for page in listed], "```", ""]
        renew(sections / f"{name}.md", "\n".join(lines))


def pages_of(section: str) -> list[str]:
    listed = {name: pages.split() for name, (_, _, pages) in SECTIONS.items()}
    known = {"index", *(page for pages in listed.values() for page in pages)}
    rest = sorted(path.stem for path in DOCS.glob("*.md") if path.stem not in known)
    return listed[section] + (rest if section == "use" else [])


def entry(docs: Path, page: str) -> str:
    """A link to a page, and its first sentence."""
    path = docs / f"{page}.md"
    if not path.exists():
        return f"[](/{page}.rst)"
    paragraphs = path.read_text(encoding="utf-8").split("\n\n")
    prose = next((part for part in paragraphs[1:] if not re.match(r"[#|`>*-]", part)), "")
    plain = " ".join(re.sub(r"\[([^\[\]]*)\]\([^)]*\)", r"\1", prose).split())
    first = re.match(r".*?[.:](?= |$)", plain)
    said = "" if not first or path.name.startswith(("LICENSE", "SECURITY")) else first[0].rstrip(":.") + "."
    return f"[](/{page}.md)" + (f": {said}" if said else "")


def with_links(text: str, here: Path) -> str:
    """The text of a page in which links out of docs/ lead to the site's page on the same file."""
    def lead(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        path = (here.parent / target).resolve()
        if path.suffix == ".md" and path.parent == ROOT:
            return f"{words}(/project/{path.name}{anchor})" if path.stem in PROJECT else f"{words}(/index.md)"
        if path == ROOT / "LICENSE":
            return f"{words}(/project/LICENSE.md)"
        if DOCS in path.parents:
            return f"{words}(/{path.relative_to(DOCS).as_posix()}{anchor})"
        made = gallery_page(path)
        if made:
            return f"{words}(/{made})"
        return f"{words}(site:{{up}}{sources.address(path)}{anchor})" if path.exists() else found[0]

    def name(found: re.Match[str]) -> str:
        """A file that is named only, perhaps with a line."""
        path, line = ROOT / found[1], f"#line-{found[2]}" if found[2] else ""
        return f"[{found[0]}](site:{{up}}{sources.address(path)}{line})" if path.is_file() else found[0]
    code_apart = re.split(r"(^```.*?^```)", text, flags=re.DOTALL | re.MULTILINE)
    code_apart[::2] = [re.sub(FILE, name, re.sub(LINK, lead, part)) for part in code_apart[::2]]
    return "".join(code_apart)


def find_linked_files() -> None:
    """Note which files are linked to, before pages are read in several processes."""
    for path in [*DOCS.glob("*.md"), *DOCS.glob("browser/*.md"), *(ROOT / f"{name}.md" for name in PROJECT)]:
        with_links(path.read_text(encoding="utf-8"), path)


def gallery_page(path: Path) -> str:
    """The gallery's page of an example, if it has one."""
    if ROOT / "examples" not in path.parents or path.suffix != ".py":
        return ""
    *folders, name = path.relative_to(ROOT / "examples").with_suffix("").parts
    made = f"gallery/{'_'.join(folders)}/{name}.rst"
    return made if (DOCS / "gallery_source" / "_".join(folders) / path.name).exists() else ""
