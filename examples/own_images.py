"""Drawn skin lesions as a hospital may have its images: `python -m examples.own_images FOLDER`.

Writes them in the four forms that `--dataset=PATH` reads: folders by class, a table with sites and
patients, arrays, and DICOM files.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from tff_health.data.images import LabelledImages
from tff_health.data.synthetic_lesions import read
from tff_health.program import exit_code_of

COUNT = 600
SIZE = (150, 112)


def main(folder: Path) -> int:
    """Writes all four into a folder, and says what to do with each."""
    lesions = read(COUNT)
    writers = {
        "folders": write_folders,
        "table": write_table,
        "arrays.npz": write_arrays,
        "dicom": write_dicom,
    }
    for name, write in writers.items():
        path = folder / name
        (path.parent if path.suffix else path).mkdir(parents=True, exist_ok=True)
        write(lesions, path)
        print(f"python run_experiments.py --dataset={path} --scheme=zhang_hardened")
    return 0


def pictures(lesions: LabelledImages) -> Iterator[tuple[str, str, Image.Image]]:
    """Yields name, class and picture of each lesion, wider than it is high."""
    for row, pixels in enumerate(lesions.pixels):
        picture = Image.fromarray(pixels).resize(SIZE, Image.Resampling.BICUBIC)
        yield f"lesion{row:04}", lesions.class_names[lesions.labels[row]], picture


def write_folders(lesions: LabelledImages, path: Path) -> None:
    """Writes JPEG files into a folder for each class."""
    for name, label, picture in pictures(lesions):
        (path / label).mkdir(exist_ok=True)
        picture.save(path / label / f"{name}.jpg", quality=90)


def write_table(lesions: LabelledImages, path: Path) -> None:
    """Writes PNG files, and a table of what is known of them."""
    (path / "images").mkdir(exist_ok=True)
    with (path / "lesions.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "diagnosis", "patient", "site"))
        for row, (name, label, picture) in enumerate(pictures(lesions)):
            picture.save(path / "images" / f"{name}.png")
            table.writerow((name, label, lesions.groups[row], lesions.sites[row]))


def write_arrays(lesions: LabelledImages, path: Path) -> None:
    """Writes one file of arrays."""
    arrays = {"images": lesions.pixels, "labels": lesions.labels}
    known = {"class_names": np.array(lesions.class_names), "groups": lesions.groups}
    np.savez_compressed(path, **arrays, **known, sites=lesions.sites)


def write_dicom(lesions: LabelledImages, path: Path) -> None:
    """Writes DICOM files into a folder for each class."""
    for name, label, picture in pictures(lesions):
        (path / label).mkdir(exist_ok=True)
        dicom_file(picture).save_as(path / label / f"{name}.dcm", enforce_file_format=True)


def dicom_file(picture: Image.Image) -> Dataset:
    """Returns a picture as a secondary capture, without anything about a patient."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Columns, dataset.Rows = picture.size
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = "RGB"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    dataset.PixelData = picture.tobytes()
    return dataset


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m examples.own_images FOLDER")
    sys.exit(exit_code_of(lambda: main(Path(sys.argv[1]))))
