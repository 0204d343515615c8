"""Labelled pictures as Pascal VOC XML, one file a picture, as labelImg writes it.

Coordinates are labelImg's: continuous pixels from the top left corner, as
everywhere here, not the pixel numbers from 1 of the first VOC data sets.
labelImg cuts to whole pixels and puts 0 at 1; here fractions are written and
read with nine decimals, and labelImg reads such files, cutting the fractions.
``one_based=True`` reads the numbers of those first data sets: the pixels
``xmin`` to ``xmax``, counted from 1 and both inside, are ``xmin - 1`` to
``xmax`` here.

``difficult``, ``truncated``, ``occluded`` and ``pose`` are VOC's own. Everything
else goes into ``<attributes>`` as other tools have it (``<attribute><name>``,
``<value>``), and ``labels.txt`` holds the classes. labelImg leaves both alone
until it saves a file anew; then the attributes of that picture are gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from annotations.formats.coco import plain
from annotations.formats.dataset import (
    AnnotationError,
    BoxXyxy,
    LabelledBox,
    LabelledPicture,
    LabelledSet,
)
from annotations.formats.labels import labels_beside, write_labels
from annotations.formats.located_xml import Element, XmlError, read_xml
from annotations.formats.pictures import encoded_header, find_picture, picture_size
from annotations.formats.problems import (
    ProblemList,
    box_fault,
    label_fault,
    name_fault,
    stated_size_fault,
)

FOLDERS = ("annotations", "Annotations")
_PICTURE_FOLDERS = ("images", "JPEGImages")
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def read_voc(
    source: Path,
    problems: ProblemList,
    *,
    images: Path | None = None,
    labels: Sequence[str] | None = None,
    one_based: bool = False,
) -> LabelledSet:
    """Read a folder of XML files, or one.

    Parameters
    ----------
    source : Path
        XML file, or folder with XML files in it or in its subfolders.
    problems : ProblemList
        Takes what is wrong; files and objects with errors are left out.
    images : Path, optional
        Folder of the pictures; by default the XML file's own, ``images`` or
        ``JPEGImages`` in ``source``, or the path that the XML file names.
    labels : sequence of str, optional
        Classes that may occur; by default those of ``labels.txt`` or
        ``classes.txt`` in ``source``, else those that occur, by alphabet.
    one_based : bool
        Coordinates are numbers of pixels from 1.

    Raises
    ------
    AnnotationError
        There is no XML file.
    """
    root = source if source.is_dir() else source.parent
    files = sorted(source.rglob("*.xml")) if source.is_dir() else [source]
    if not files:
        raise AnnotationError(f"{source}: holds no XML file")
    known = labels if labels is not None else labels_beside(root)
    places = [images] if images is not None else [root / name for name in _PICTURE_FOLDERS]
    pictures: list[LabelledPicture] = []
    names: dict[str, Path] = {}
    for path in files:
        file = _File(path, root, problems)
        picture = file.picture(places, images is not None, known, one_based=one_based)
        if picture is None:
            continue
        if picture.name in names:
            problems.error(path, "", f"{picture.name} is in {names[picture.name]} too")
            continue
        names[picture.name] = path
        pictures.append(picture)
    ids = [picture.picture_id for picture in pictures]
    if None not in ids and len(set(ids)) == len(ids):
        pictures.sort(key=lambda picture: picture.picture_id or 0)
    found = sorted({box.label for picture in pictures for box in picture.boxes})
    return LabelledSet(tuple(pictures), tuple(known if known is not None else found))


def write_voc(labelled: LabelledSet, folder: Path) -> None:
    """Write ``annotations/*.xml`` and ``labels.txt`` into a folder.

    Raises
    ------
    AnnotationError
        A picture cannot be read, or two would have the same XML file.
    """
    write_labels(folder / "labels.txt", labelled.labels)
    for picture, name in zip(labelled.pictures, label_files(labelled, ".xml"), strict=True):
        path = folder / FOLDERS[0] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tree = ElementTree.ElementTree(_annotation(picture))
        ElementTree.indent(tree, "\t")
        tree.write(path, encoding="utf-8")


def label_files(labelled: LabelledSet, suffix: str) -> list[str]:
    """Relative path of each picture's label file.

    Raises
    ------
    AnnotationError
        Two pictures differ only in their suffix.
    """
    owners: dict[str, str] = {}
    for picture in labelled.pictures:
        name = str(PurePosixPath(picture.name).with_suffix(suffix))
        if name in owners:
            raise AnnotationError(
                f"pictures {owners[name]} and {picture.name} would share {name}; rename one"
            )
        owners[name] = picture.name
    return list(owners)


class _File:
    """One XML file while it is being understood."""

    def __init__(self, path: Path, root: Path, problems: ProblemList) -> None:
        self.path, self.problems = path, problems
        parts = path.parent.relative_to(root).parts
        self._folder = "/".join(part for part in parts if part not in FOLDERS)

    def picture(
        self,
        places: Sequence[Path],
        only_places: bool,
        known: Sequence[str] | None,
        *,
        one_based: bool,
    ) -> LabelledPicture | None:
        """The picture, or None where the file cannot be used."""
        try:
            root = read_xml(self.path)
        except XmlError as fault:
            return self._error(fault.line, fault.message)
        if root.tag != "annotation":
            return self._error(root.line, f"is <{root.tag}>, not <annotation>")
        file_name = root.text_of("filename")
        if not file_name:
            return self._error(root.line, "has no <filename>")
        line = getattr(root.child("filename"), "line", root.line)
        name = f"{self._folder}/{file_name}" if self._folder else file_name
        if fault := name_fault(name):
            return self._error(line, fault)
        path = find_picture(name, places) or find_picture(file_name, places)
        if path is None and not only_places:
            stated = Path(root.text_of("path") or file_name)
            path = find_picture(file_name, [self.path.parent])
            path = path or (stated if stated.is_file() else None)
        if path is None:
            return self._error(line, f"picture {name} is not in {places[0]}")
        try:
            size = picture_size(path)
        except AnnotationError as error:
            return self._error(line, f"picture {name}: {error}")
        stated_size = self._stated_size(root)
        if stated_size is not None and (fault := stated_size_fault(stated_size, size)):
            return self._error(getattr(root.child("size"), "line", root.line), fault)
        attributes = self._attributes(root)
        number = attributes.pop("id", None)
        if root.attributes.get("verified") == "yes":
            attributes["verified"] = True
        boxes = [
            self._box(element, size, known, one_based=one_based) for element in root.all("object")
        ]
        return LabelledPicture(
            path=path,
            width_px=size[0],
            height_px=size[1],
            boxes=tuple(box for box in boxes if box is not None),
            group=str(attributes.pop("group", "")),
            name=name,
            picture_id=number if isinstance(number, int) else None,
            attributes=attributes,
        )

    def _stated_size(self, root: Element) -> tuple[int, int] | None:
        try:
            width = int(root.text_of("size", "width") or 0)
            height = int(root.text_of("size", "height") or 0)
        except ValueError:
            return (0, 0)
        return (width, height) if width or height else None

    def _box(
        self,
        element: Element,
        size: tuple[int, int],
        known: Sequence[str] | None,
        *,
        one_based: bool,
    ) -> LabelledBox | None:
        label = element.text_of("name")
        fault = label_fault(label)
        if not fault and known is not None and label not in known:
            fault = f"unknown class {label!r}; known are {', '.join(known)}"
        if fault:
            return self._error(getattr(element.child("name"), "line", element.line), fault)
        place = getattr(element.child("bndbox"), "line", element.line)
        values = []
        for edge in _EDGES:
            text = element.text_of("bndbox", edge)
            try:
                values.append(float(text))
            except ValueError:
                at = getattr(element.child("bndbox", edge), "line", place)
                return self._error(at, f"<{edge}> is {text!r}, not a number")
        if one_based:
            values[0] -= 1
            values[1] -= 1
        xyxy: BoxXyxy = (values[0], values[1], values[2], values[3])
        if fault := box_fault(xyxy, *size):
            return self._error(place, fault)
        attributes = self._attributes(element)
        area, number = attributes.pop("area", None), attributes.pop("id", None)
        return LabelledBox(
            xyxy_px=xyxy,
            label=label,
            difficult=self._flag(element, "difficult"),
            crowd=bool(attributes.pop("iscrowd", False)),
            truncated=self._flag(element, "truncated"),
            occluded=self._flag(element, "occluded"),
            pose="" if element.text_of("pose") == "Unspecified" else element.text_of("pose"),
            area_px=float(area) if isinstance(area, int | float) else None,
            annotation_id=number if isinstance(number, int) else None,
            attributes=attributes,
        )

    def _flag(self, element: Element, tag: str) -> bool:
        text = element.text_of(tag) or "0"
        if text in ("0", "1"):
            return text == "1"
        at = getattr(element.child(tag), "line", element.line)
        self.problems.warning(self.path, f"line {at}", f"<{tag}> is {text!r}, neither 0 nor 1")
        return False

    def _attributes(self, element: Element) -> dict[str, object]:
        found: dict[str, object] = {}
        holder = element.child("attributes")
        for attribute in holder.all("attribute") if holder is not None else []:
            value = attribute.child("value")
            found[attribute.text_of("name")] = _parsed("" if value is None else value.text)
        return found

    def _error(self, line: int, message: str) -> None:
        self.problems.error(self.path, f"line {line}", message)


def _annotation(picture: LabelledPicture) -> ElementTree.Element:
    name = PurePosixPath(picture.name)
    attributes = dict(picture.attributes)
    verified = attributes.pop("verified", False) is True
    root = ElementTree.Element("annotation", {"verified": "yes"} if verified else {})
    _add(root, "folder", name.parent.name or "images")
    _add(root, "filename", name.name)
    _add(_add(root, "source"), "database", "Unknown")
    size = _add(root, "size")
    _add(size, "width", picture.width_px)
    _add(size, "height", picture.height_px)
    _add(size, "depth", 1 if encoded_header(picture.encoded(), picture.name).grey else 3)
    _add(root, "segmented", 0)
    if picture.group:
        attributes["group"] = picture.group
    if picture.picture_id is not None:
        attributes["id"] = picture.picture_id
    _add_attributes(root, attributes)
    for box in picture.boxes:
        _add_object(root, box)
    return root


def _add_object(root: ElementTree.Element, box: LabelledBox) -> None:
    element = _add(root, "object")
    _add(element, "name", box.label)
    _add(element, "pose", box.pose or "Unspecified")
    _add(element, "truncated", int(box.truncated))
    if box.occluded:
        _add(element, "occluded", 1)
    _add(element, "difficult", int(box.difficult))
    edges = _add(element, "bndbox")
    for tag, value in zip(_EDGES, box.xyxy_px, strict=True):
        _add(edges, tag, plain(value))
    own = {"iscrowd": int(box.crowd) or None, "area": box.area_px, "id": box.annotation_id}
    stated = {key: value for key, value in own.items() if value is not None}
    _add_attributes(element, {**box.attributes, **stated})


def _add(parent: ElementTree.Element, tag: str, text: object = None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag)
    if text is not None:
        element.text = str(text)
        if not element.text.isprintable():
            raise AnnotationError(f"{element.text!r} cannot be written to XML")
    return element


def _add_attributes(parent: ElementTree.Element, attributes: Mapping[str, object]) -> None:
    if not attributes:
        return
    holder = _add(parent, "attributes")
    for name, value in attributes.items():
        element = _add(holder, "attribute")
        _add(element, "name", name)
        _add(element, "value", _shown(value))


def _shown(value: object) -> str:
    """Text of a value: a string as it is where it cannot be mistaken, else JSON."""
    plain_text = isinstance(value, str) and value.isprintable() and value == value.strip()
    return str(value) if plain_text and _parsed(str(value)) == value else json.dumps(value)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()
