"""XML files as a small tree of elements that know their lines.

Document types are refused, and with them entities, so that no file can expand
into memory or name another file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from annotations.formats.dataset import AnnotationError

LARGEST_FILE_BYTES = 16 * 2**20
DEEPEST = 32


@dataclass(slots=True)
class Element:
    """An element of a file.

    Attributes
    ----------
    tag : str
    line : int
        Where it begins, from 1.
    attributes : Mapping of str to str
    text : str
        Its own text, without that of its children.
    children : list of Element
    """

    tag: str
    line: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, *tags: str) -> Element | None:
        """Follow tags down to the first such element; None where there is none."""
        element: Element | None = self
        for tag in tags:
            if element is None:
                return None
            element = next((each for each in element.children if each.tag == tag), None)
        return element

    def text_of(self, *tags: str) -> str:
        """Text of the element that the tags lead to, stripped; empty where there is none."""
        element = self.child(*tags)
        return "" if element is None else element.text.strip()

    def all(self, tag: str) -> list[Element]:
        """Children with a tag."""
        return [each for each in self.children if each.tag == tag]


class XmlError(Exception):
    """An XML file is damaged or refused.

    Attributes
    ----------
    line : int
    message : str
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


def read_xml(path: Path) -> Element:
    """Read the root element of a file.

    Raises
    ------
    XmlError
        It is damaged, has a document type, or is nested too deeply.
    AnnotationError
        It cannot be read or is too large.
    """
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise AnnotationError(f"{path}: larger than {LARGEST_FILE_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error
    parser = expat.ParserCreate()
    parser.buffer_text = True
    document = Element("", 0)
    open_elements = [document]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > DEEPEST:
            raise XmlError(parser.CurrentLineNumber, f"nested more than {DEEPEST} deep")
        element = Element(tag, parser.CurrentLineNumber, attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_tag: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].text += data

    def refuse(*_: object) -> None:
        raise XmlError(parser.CurrentLineNumber, "has a document type, which is refused")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError(error.lineno, f"damaged XML ({expat.ErrorString(error.code)})") from error
    except (LookupError, ValueError) as error:
        raise XmlError(1, f"damaged XML ({error})") from error  # an encoding nobody knows
    return document.children[0]
