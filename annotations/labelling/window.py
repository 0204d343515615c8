"""The process that shows labelImg's window.

``python -m annotations.labelling.window SESSION SETTINGS CLASSES`` is what
`annotations.labelling.launch` runs; it is a process of its own because it changes
Qt's classes, and because a failing Qt ends the process it is in.
"""

from __future__ import annotations

import importlib.util
import logging
import signal
import sys
import traceback
import types
import warnings
from pathlib import Path
from typing import Any

from annotations.labelling.float_calls import accept_floats, float_canvas
from annotations.labelling.session import LabellingSession, pictures_in
from edge_runtime.errors import GalaxyEdgeError

log = logging.getLogger(__name__)

_SIGNAL_POLL_MS = 200


def main(arguments: list[str]) -> int:
    """Show the window until it is closed; return the exit code."""
    session_text, settings, classes = arguments
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    app, window = open_window(
        LabellingSession.from_json(session_text), Path(settings), Path(classes)
    )
    timer = _close_on_signals(window)
    code = int(app.exec_())
    timer.stop()
    return code


def open_window(session: LabellingSession, settings: Path, classes_file: Path) -> tuple[Any, Any]:
    """Open labelImg's window on a session.

    Parameters
    ----------
    session : LabellingSession
    settings : Path
        File for labelImg's settings, instead of the one in the home folder.
    classes_file : Path
        The session's classes, one in each line.

    Returns
    -------
    application, window
        Qt's and labelImg's, the first to be run.
    """
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    _stand_in_for_distutils()
    accept_floats()
    from labelImg import labelImg

    labelImg.Canvas = float_canvas(labelImg.Canvas)
    _keep_settings_apart(session, settings)
    _save_without_asking(labelImg.MainWindow, beside=session.output == session.directory)
    sys.excepthook = _Reporter()
    app, window = labelImg.get_main_app(
        ["labelImg", str(session.directory), str(classes_file), str(session.output)]
    )
    window.prev_label_text = session.classes[0]  # Enter accepts it
    return app, window


def _stand_in_for_distutils() -> None:
    """LabelImg imports distutils, which Python 3.12 dropped, and does not use it."""
    if importlib.util.find_spec("distutils") is None:
        package = types.ModuleType("distutils")
        package.spawn = types.ModuleType("distutils.spawn")  # type: ignore[attr-defined]
        sys.modules["distutils"] = package
        sys.modules["distutils.spawn"] = package.spawn  # type: ignore[attr-defined]


def _keep_settings_apart(session: LabellingSession, path: Path) -> None:
    """Use a settings file of our own, with the session's choices over it."""
    from libs.constants import SETTING_AUTO_SAVE, SETTING_LABEL_FILE_FORMAT, SETTING_WIN_SIZE
    from libs.labelFile import LabelFile, LabelFileFormat
    from libs.settings import Settings
    from PyQt5.QtCore import QSize

    original_init, original_load = Settings.__init__, Settings.load
    yolo = session.label_format == "yolo"
    LabelFile.suffix = ".txt" if yolo else ".xml"

    def init(self: Any) -> None:
        original_init(self)
        self.path = str(path)

    def load(self: Any) -> bool:
        found = bool(original_load(self))
        if not isinstance(self.data, dict):
            self.data = {}
        self.data[SETTING_AUTO_SAVE] = True
        self.data[SETTING_LABEL_FILE_FORMAT] = (
            LabelFileFormat.YOLO if yolo else LabelFileFormat.PASCAL_VOC
        )
        self.data.setdefault(SETTING_WIN_SIZE, QSize(1200, 800))
        return found

    Settings.__init__, Settings.load = init, load


def _save_without_asking(window: Any, *, beside: bool) -> None:
    """Save on every way away from a picture, not only on "next" and "previous".

    Opening a picture from the list would drop the boxes that are not yet saved,
    and closing the window would ask. Pictures are those that `pictures_in` lists.
    """
    load_file, close_event = window.load_file, window.closeEvent
    import_folder = window.import_dir_images

    def save(self: Any) -> None:
        if self.dirty and self.file_path and self.auto_saving.isChecked():
            self.save_file()

    def load_file_after_saving(self: Any, file_path: Any = None) -> Any:
        save(self)
        return load_file(self, file_path)

    def close_after_saving(self: Any, event: Any) -> None:
        save(self)
        close_event(self, event)

    def import_beside(self: Any, folder: Any) -> None:
        if folder and beside:
            save(self)
            self.default_save_dir = str(folder)
        import_folder(self, folder)

    def listed(self: Any, folder: str) -> list[str]:
        try:
            return [str(path) for path in pictures_in(Path(folder).absolute())]
        except GalaxyEdgeError as error:
            self.status(str(error))
            return []

    window.load_file, window.closeEvent = load_file_after_saving, close_after_saving
    window.import_dir_images, window.scan_all_images = import_beside, listed


class _Reporter:
    """Tells of an error in labelImg instead of ending the process with the boxes."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        if text in self._told:
            return
        self._told.add(text)
        log.error("labelImg failed in one action and goes on:\n%s", text)
        from PyQt5.QtWidgets import QMessageBox

        QMessageBox.warning(
            None,
            "labelImg",
            f"The last action failed ({kind.__name__}: {error}). Details are in the terminal; "
            "boxes drawn so far are kept.",
        )


def _close_on_signals(window: Any) -> Any:
    """Close, and so save, on Ctrl-C in the terminal and on termination."""
    from PyQt5.QtCore import QTimer
    from PyQt5.QtWidgets import QApplication, QDialog

    def close(*_: object) -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.close()
        window.close()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, close)
    timer = QTimer()  # Python handles signals only when it gets to run
    timer.timeout.connect(lambda: None)
    timer.start(_SIGNAL_POLL_MS)
    return timer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
