"""Images in a folder for each class, perhaps below train/, val/ and test/."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tff_health.data import files
from tff_health.data.own import dicom, look
from tff_health.data.own.image_files import listed_files
from tff_health.data.own.listed import ImageFile, Listed, class_names, shortened, within
from tff_health.data.reading import Reading
from tff_health.errors import DataError


def list_folders(path: Path, reading: Reading) -> Listed:
    """Lists the images below a folder; a class is named by the folder that its images lie in.

    Raises:
        DataError: if there are no images, one class, links out of the folder, or it cannot be read.
    """
    root = Path(os.path.realpath(path))
    parts = look.part_folders(root)
    found: list[tuple[ImageFile, str, str]] = []
    others: Counter[str] = Counter()
    for part, folder in (parts or {"": root}).items():
        for name in look.subfolders(folder):
            place = within(root, folder / name, str(path / (folder / name).relative_to(root)))
            for file in _walk(root, place, folder / name):
                if _is_image(file):
                    found.append((file, name, part))
                else:
                    others[file.path.suffix.lower() or "no suffix"] += 1
    if not found:
        raise DataError(f"{path} has folders, but no images in them: name {look.ALLOWED}")
    labels = [label for _, label, _ in found]
    class_names(path, labels, None)
    tested = "test" if "test" in parts else "val"
    notes = []
    if others:
        kinds = shortened([kind for kind, _ in others.most_common()])
        notes.append(f"{sum(others.values()):,} files left out that are no images ({kinds})")
    return listed_files(
        form=f"folder {root.name} with a folder for each class{_told(parts)}",
        files=[file for file, _, _ in found],
        labels=labels,
        is_test=[part == tested for _, _, part in found] if parts else None,
        notes=tuple(notes),
        reading=reading,
    )


def _told(parts: dict[str, Path]) -> str:
    if not parts:
        return ""
    names = {part: folder.name for part, folder in parts.items()}
    if len(names) == 3:
        return f", in {names['train']} and {names['val']} to train with, in {names['test']} to test"
    trains, tests = names["train"], names.get("test") or names["val"]
    return f", in {trains} to train with, in {tests} to test"


def _is_image(file: ImageFile) -> bool:
    suffix = file.path.suffix.lower()
    if suffix:
        return suffix in look.IMAGE_SUFFIXES
    return file.size >= 0 and dicom.is_dicom(file.path)


def _walk(root: Path, folder: Path, shown: Path) -> Iterator[ImageFile]:
    """Yields the files below a folder, sorted; links are followed as long as they stay in root."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise files.unreadable(folder, error) from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        if entry.is_symlink():
            path = within(root, path, str(shown / entry.name))
        if entry.is_dir():
            if path in folder.parents or path == folder:
                raise DataError(f"{shown / entry.name} leads back to {path}: remove that link")
            yield from _walk(root, path, shown / entry.name)
        else:
            place = (shown / entry.name).relative_to(root)
            yield ImageFile.at(str(place), path)
