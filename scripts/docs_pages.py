"""A hook of MkDocs: the README and its neighbours become pages of the site, with links that hold there."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

#: Page of the site made of each file of the top level.
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files of the folder `docs`."""
    root = Path(config.config_file_path).parent
    for source, page in PAGES.items():
        text = (root / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=site_links(text)))
    return files


def site_links(text: str) -> str:
    """The same Markdown, with links from the top level of the project turned into links from the top of the site."""
    return _LINK.sub(lambda link: f"]({_site_path(link['target'])}{link['anchor'] or ''})", text)


def _site_path(target: str) -> str:
    return PAGES.get(target, target.removeprefix("docs/"))
