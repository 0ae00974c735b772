import matplotlib.image
import numpy as np
import pytest

from espnet2_nix.evaluation import plots

FS, HOP = 22050, 256


def line(epoch, train, valid):
    return (
        f"[vm] 2026-11-24 23:22:15,766 (trainer:392) INFO: {epoch}epoch results: [train] iter_time=0.006, "
        f"generator_mel_loss={train}, optim0_lr0=4.614e-04, gpu_max_cached_mem_GB=3.1, "
        f"time=1 hour, 4 minutes and 26.89 seconds, total_count=900, "
        f"[valid] generator_mel_loss={valid}, discriminator_loss=2.301, time=3.53 seconds, total_count=36\n"
    )


def axes_titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def assert_png(path):
    """The file is a picture in which something is drawn, and nothing lies beside it."""
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert matplotlib.image.imread(path).std() > 0.01
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_mels_share_time_axis_and_colours(tmp_path):
    path = tmp_path / "new" / "mels.png"
    mels = {"recording": np.full((80, 100), -9.0), "teacher": np.zeros((80, 90)), "student": np.ones((80, 120))}
    figure = plots.plot_mels(mels, path, FS, HOP)
    assert_png(path)
    assert axes_titles(figure) == ["recording", "teacher", "student"]
    panels = figure.axes[:3]
    assert {axes.images[0].get_clim() for axes in panels} == {(-9.0, 1.0)}
    assert [axes.get_xlim()[1] for axes in panels] == pytest.approx(3 * [120 * HOP / FS])
    assert panels[1].images[0].get_extent()[1] == pytest.approx(90 * HOP / FS)


@pytest.mark.parametrize("mels", [{}, {"student": np.zeros((80, 0))}, {"student": np.zeros(80)}])
def test_mels_without_a_picture_are_refused(tmp_path, mels):
    with pytest.raises(ValueError, match="expected"):
        plots.plot_mels(mels, tmp_path / "mels.png", FS, HOP)
    assert not list(tmp_path.iterdir())


def test_alignment_steps_where_tokens_begin(tmp_path):
    path = tmp_path / "alignment.png"
    tokens = ["ᄀ", "ᅡ", "<space>", "."]
    figure = plots.plot_alignment(
        {"teacher": np.array([2, 3, 0, 1]), "student": np.array([1, 1, 1, 1])}, tokens, path, 0.5
    )
    assert_png(path)
    (axes,) = figure.axes
    teacher, student = axes.lines
    assert teacher.get_xdata().tolist() == [0.0, 1.0, 2.5, 2.5, 3.0]
    assert teacher.get_ydata().tolist() == [0, 1, 2, 3, 3]
    assert teacher.get_drawstyle() == "steps-post"
    assert student.get_label() == "student, 2.00 s"
    assert len(axes.get_yticklabels()) == 4


@pytest.mark.parametrize("durations", [{}, {"student": np.array([1])}, {"student": np.array([1, -1])}])
def test_alignment_without_a_duration_for_each_token_is_refused(tmp_path, durations):
    with pytest.raises(ValueError, match="expected"):
        plots.plot_alignment(durations, ["ᄀ", "ᅡ"], tmp_path / "alignment.png", 0.01)


def test_jamo_are_named_with_and_without_a_korean_font():
    tokens = ["ᄁ", "ᅪ", "ᆹ", "<space>", "<unk>", "."]
    assert plots.token_labels(tokens, hangul=True) == ["ㄲ", "ㅘ", "ㅄ", "␣", "<unk>", "."]
    assert plots.token_labels(tokens, hangul=False) == ["ssangkiyeok", "wa", "pieup-sios", "␣", "<unk>", "."]


@pytest.mark.filterwarnings("error")
def test_no_glyph_is_missing_without_a_korean_font(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "get_font_names", lambda: ["DejaVu Sans"])
    plots.plot_alignment({"student": np.array([1, 2])}, ["ᄀ", "<space>"], tmp_path / "alignment.png", 0.01)


def test_scatter_has_a_legend_by_system(tmp_path):
    path = tmp_path / "scatter.png"
    values = {"teacher": (np.array([0.0, 0.1]), np.array([5.0, 6.0])), "student": (np.array([0.2, np.nan]), np.ones(2))}
    figure = plots.plot_scatter(values, path, "CER (%)", "MCD (dB)")
    assert_png(path)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["teacher, n = 2", "student, n = 1"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("CER (%)", "MCD (dB)")


def test_scatter_of_unequal_axes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="student"):
        plots.plot_scatter({"student": (np.ones(2), np.ones(3))}, tmp_path / "scatter.png", "x", "y")


def test_losses_of_a_resumed_training(tmp_path):
    (tmp_path / "train.10.log").write_text(line(1, 90.0, 80.0) + line(2, 70.0, 60.0), encoding="utf-8")
    (tmp_path / "train.2.log").write_text("# python3 -m …\n" + line(2, 69.0, 59.0) + line(3, 1, 1), encoding="utf-8")
    (tmp_path / "train.1.log").write_text("stopped before an epoch ended\n", encoding="utf-8")
    (tmp_path / "train.log").write_text(line(3, "5.123e+03", "nan") + line(4, 2, 2).rstrip("\n"), encoding="utf-8")
    curves = plots.read_losses(tmp_path)
    assert set(curves) == {"generator_mel_loss", "discriminator_loss"}
    assert curves["generator_mel_loss"]["train"] == ([1, 2, 3], [90.0, 69.0, 5123.0])
    assert curves["generator_mel_loss"]["valid"] == ([1, 2, 3], [80.0, 59.0, pytest.approx(np.nan, nan_ok=True)])
    assert curves["discriminator_loss"] == {"valid": ([1, 2, 3], [2.301, 2.301, 2.301])}


def test_epochs_of_an_abandoned_run_are_forgotten(tmp_path):
    (tmp_path / "train.1.log").write_text("".join(line(epoch, 9, 9) for epoch in (1, 2, 3, 4)), encoding="utf-8")
    (tmp_path / "train.log").write_text(line(2, 8, 8), encoding="utf-8")
    assert plots.read_losses(tmp_path)["generator_mel_loss"]["train"] == ([1, 2], [9.0, 8.0])


def test_a_log_without_an_ended_epoch_has_no_loss(tmp_path):
    (tmp_path / "train.log").write_text("INFO: 1epoch:train:1-50batch: generator_mel_loss=90.1\n", encoding="utf-8")
    assert plots.read_losses(tmp_path) == {}


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.log not found; a training writes it"):
        plots.read_losses(tmp_path)


def test_losses_get_a_panel_each(tmp_path):
    curves = {
        "kl_loss": {"train": ([1, 2], [60.0, 2.0]), "valid": ([1, 2], [40.0, 2.5])},
        "mel_loss": {"train": ([1, 2], [40.0, 30.0]), "valid": ([1], [35.0])},
        "dur_loss": {"train": ([1, 2], [-1.0, float("nan")])},
        "adv_loss": {"valid": ([1], [1.0])},
    }
    path = tmp_path / "losses.png"
    figure = plots.plot_losses(curves, path)
    assert_png(path)
    assert axes_titles(figure) == list(curves)
    assert [len(axes.lines) for axes in figure.axes] == [2, 2, 1, 1]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "linear", "linear"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "valid"]
    with pytest.raises(ValueError, match="epoch"):
        plots.plot_losses({}, path)


def test_curves_have_a_line_a_system_in_the_order_of_their_numbers(tmp_path):
    points = {"teacher": [(200.0, 50.0, 40.0, 60.0), (100.0, 90.0, 80.0, 95.0)], "student": [(100.0, 70.0, 60.0, 80.0)]}
    figure = plots.plot_curves(points, tmp_path / "curve.png", "step", "CER %")
    assert_png(tmp_path / "curve.png")
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["teacher", "student"]
    assert lines[0].get_xdata().tolist() == [100.0, 200.0]
    assert lines[0].get_ydata().tolist() == [90.0, 50.0]
    with pytest.raises(ValueError, match="point"):
        plots.plot_curves({}, tmp_path / "curve.png", "step", "CER %")
