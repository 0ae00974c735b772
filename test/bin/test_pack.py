"""The pack for the model zoo."""

import zipfile


def test_the_pack_names_its_licence_and_no_path(packed, student_dir):
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        assert {"meta.yaml", "README.md", "LICENSE"} <= set(names)
        assert not [name for name in names if name.startswith("/") or ".." in name]
        text = "".join(archive.read(name).decode() for name in names if not name.endswith(".pth"))
    assert "CC0-1.0" in text
    assert str(student_dir.parent) not in text
