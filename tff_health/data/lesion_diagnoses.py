"""Words for the seven diagnoses of HAM10000, as its copies and the ISIC archive write them."""

from typing import Final

from tff_health.data.skin_lesions import CLASS_NAMES

# Merged as in HAM10000 (Tschandl, Rosendahl, Kittler 2018, "Data Records"): `akiec` holds Bowen's
# disease, a squamous cell carcinoma in situ; `bkl` three benign keratoses; `vasc` four growths.
_WORDS: Final = {
    "akiec": (
        "ak",
        "scc",
        "actinic keratosis",
        "actinic keratoses",
        "solar or actinic keratosis",
        "bowen's disease",
        "intraepithelial carcinoma",
        "actinic keratoses and intraepithelial carcinoma",
        "actinic keratoses and intraepithelial carcinoma / bowen's disease",
        "squamous cell carcinoma",
        "squamous cell carcinoma, nos",
        "squamous cell carcinoma in situ",
        "squamous cell carcinoma, invasive",
    ),
    "bcc": (
        "basal cell carcinoma",
        "basal cell carcinoma, nos",
        "basal cell carcinoma, nodular",
        "basal cell carcinoma, superficial",
    ),
    "bkl": (
        "benign keratosis",
        "benign keratosis-like lesions",
        "pigmented benign keratosis",
        "seborrheic keratosis",
        "seborrhoeic keratosis",
        "solar lentigo",
        "lichenoid keratosis",
        "lichen planus like keratosis",
        "lichen planus-like keratosis",
    ),
    "df": ("dermatofibroma",),
    "mel": (
        "melanoma",
        "melanoma, nos",
        "melanoma in situ",
        "melanoma invasive",
        "melanoma metastasis",
    ),
    "nv": (
        "nevus",
        "melanocytic nevus",
        "melanocytic nevi",
        "nevus, nos",
    ),
    "vasc": (
        "vascular lesion",
        "vascular lesions",
        "angioma",
        "hemangioma",
        "angiokeratoma",
        "pyogenic granuloma",
        "benign soft tissue proliferations - vascular",
    ),
}
_LABELS: Final = {name: label for label, name in enumerate(CLASS_NAMES)} | {
    word: CLASS_NAMES.index(name) for name, words in _WORDS.items() for word in words
}


def diagnosis_label(text: str) -> int | None:
    """Returns the label, 0 to 6, of a diagnosis in whatever words and case; None if unknown."""
    return _LABELS.get(" ".join(text.replace("_", " ").lower().split()))
