"""The root of the project is found from any folder, and an experiment's folder knows the checkout it came from."""

import pytest

from membership.base import paths


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv(paths.ROOT, raising=False)
    (tmp_path / "notebooks" / "explore").mkdir(parents=True)
    (tmp_path / "dvc.yaml").touch()
    return tmp_path


@pytest.mark.parametrize("folder", [".", "notebooks", "notebooks/explore"])
def test_the_root_is_the_nearest_folder_upwards_with_a_dvc_yaml(project, monkeypatch, folder):
    monkeypatch.chdir(project / folder)
    assert paths.root() == paths.checkout() == project


def test_outside_any_project_the_package_knows_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv(paths.ROOT, raising=False)
    monkeypatch.chdir(tmp_path)
    assert (paths.root() / "src" / "membership" / "base" / "paths.py").exists()


def test_what_the_stage_runner_says_goes_before_the_working_directory(project, tmp_path, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setenv(paths.ROOT, str(tmp_path / "elsewhere"))
    assert paths.root() == tmp_path / "elsewhere"


@pytest.mark.parametrize("place", [".dvc/tmp/exps/standalone/tmpx", ".quick", ".replay/2017-12-01"])
def test_a_temporary_experiment_logs_where_its_checkout_does_whatever_dvc_says(project, monkeypatch, place):
    folder = project / place
    folder.mkdir(parents=True)
    (folder / "dvc.yaml").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_ROOT", str(project))
    assert paths.root() == folder
    assert paths.checkout() == project
