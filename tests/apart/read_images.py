"""Run where four readers are installed: what each makes of a JPEG and of DICOM files.

Usage: python read_images.py FOLDER JPEG DICOM...     writes FOLDER/READER.npy; prints versions
"""

import io
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import PIL
import pydicom
import SimpleITK
import tensorflow as tf
from PIL import Image

folder, photo, *scans = map(Path, sys.argv[1:])
found = {
    "Pillow": np.asarray(Image.open(photo)),
    "OpenCV": cv2.imread(str(photo))[..., ::-1],
    "TensorFlow": tf.io.decode_image(photo.read_bytes()).numpy(),
    "SimpleITK": SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(photo))),
}
interpretations = {}
for scan in scans:
    data = pydicom.dcmread(scan)
    if data.file_meta.TransferSyntaxUID.is_encapsulated:  # of JPEG here, which Pillow reads as well
        (stream,) = pydicom.encaps.generate_frames(data.PixelData)
        found[f"{scan.stem}_stored"] = np.asarray(Image.open(io.BytesIO(stream)))
    else:
        found[f"{scan.stem}_stored"] = data.pixel_array
    itk = SimpleITK.ReadImage(str(scan))
    found[f"{scan.stem}_SimpleITK"] = SimpleITK.GetArrayFromImage(itk).squeeze()
    interpretations[scan.stem] = itk.GetMetaData("0028|0004").strip()
for name, pixels in found.items():
    np.save(folder / f"{name}.npy", pixels)
versions = {
    "Pillow": PIL.__version__,
    "OpenCV": cv2.__version__,
    "TensorFlow": tf.__version__,
    "SimpleITK": SimpleITK.Version_VersionString(),
    "interpretations": interpretations,
}
print(json.dumps(versions))
