"""Built-in plugins, one a file. PIPELINE is the flow in order; they are registered in this order, before any other."""

PIPELINE = (
    "folder_source",
    "mdai_source",
    "label_types",
    "next_from_server",
    "extract_images",
    "extract_dicom",
    "extract_video",
    "mask_sync",
    "retrack_wait",
    "merge_policy",
    "export_archive",
    "import_archive",
)
