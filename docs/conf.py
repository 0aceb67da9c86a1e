"""The site: python -m sphinx -W -b html docs site"""
from __future__ import annotations

import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from builder import gallery, pages, sources  # noqa: E402
from builder.reference import Reference  # noqa: E402

import minidl  # noqa: E402

project, author, copyright = "minidl", "the minidl authors", "2026, the minidl authors"
version = release = minidl.__version__
extensions = ["myst_parser", "sphinx_design", "sphinx_copybutton", "sphinx.ext.linkcode", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["builder", "gallery_source", "**/GALLERY_HEADER.rst", "gallery/**/*.ipynb"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = "code"
smartquotes = False      # `--plot` has two dashes
maximum_signature_line_length = 90
suppress_warnings = ["config.cache", "sphinx_gallery.duplicate_filename"]   # a family is a folder of its own

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]     # formulas are code: no MathJax from elsewhere
myst_url_schemes = {"http": None, "https": None, "mailto": None, "site": {"url": "{{path}}", "title": ""}}

html_theme = "pydata_sphinx_theme"
html_title = "minidl"
html_static_path = ["builder/static"]
templates_path = ["builder/templates"]
html_css_files = ["site.css"]
html_favicon = "builder/static/program.svg"
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_sidebars = {"index": [], "reference/*/*": [], "gallery/**": [], "source/**": []}
html_theme_options = {
    "logo": {"text": "minidl"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_depth": 2,
    "collapse_navigation": True,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
linkcode_resolve = sources.of_object

plots = gallery.Plots(DOCS.parent / "build" / "site_plots")
sphinx_gallery_conf = {
    "examples_dirs": "gallery_source",
    "gallery_dirs": "gallery",
    "filename_pattern": "/(" + "|".join(map(re.escape, gallery.RUN)) + r")\.py$",
    "subsection_order": [f"gallery_source/{name}" for name in gallery.FAMILIES],
    "within_subsection_order": gallery.Order,
    "reset_argv": plots.arguments,
    "image_scrapers": (plots.scrape,),
    "reset_modules": (plots.reset,),
    "reset_modules_order": "both",
    "capture_repr": (),
    "default_thumb_file": str(DOCS / "builder" / "static" / "program.svg"),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "inspect_global_variables": False,
    "log_level": {"backreference_missing": "debug"},
}


def setup(app):
    gallery.stage(DOCS / "gallery_source", DOCS / "gallery")
    pages.write(DOCS)
    pages.find_linked_files()
    reference = Reference()
    reference.write(DOCS / "reference")
    app.connect("source-read", read)
    app.connect("doctree-read", lambda app, tree: reference.keep_clear_links(tree))
    app.connect("html-collect-pages", sources.pages)


def read(app, name, source):
    """The first page of the site begins with three doors; links of all pages hold here, too."""
    path = Path(app.env.doc2path(name))
    if path.suffix != ".md":
        return
    here = DOCS.parent / f"{path.stem}.md" if path.parent.name == "project" else path
    text = pages.with_links(source[0], here).replace("{up}", "../" * name.count("/"))
    if name == "index":
        text = (DOCS / "builder" / "landing.md").read_text(encoding="utf-8") + text.replace("# ", "## ", 1)
    source[0] = text
