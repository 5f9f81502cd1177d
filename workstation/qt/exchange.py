"""File → Export and Import: one entry for each that plugins bring, with the system's file dialog. For the window."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from workstation.core import Core
from workstation.errors import CoreError
from workstation.hookspecs import Exporter, Importer
from workstation.http_edits import picture_of
from workstation.jobs import Job

log = logging.getLogger("goobusters.qt")


def add_exchange(menu: QMenu, core: Core, window: QWidget) -> None:
    """Adds the submenus that have entries. They work on the series that was opened last."""
    for title, entries, ask in (
        ("E&xport", core.exporters(), _ask_export),
        ("&Import", core.importers(), _ask_import),
    ):
        if entries:
            submenu = menu.addMenu(title)
            for entry in entries:
                action = submenu.addAction(f"{entry.title}…")
                action.setObjectName(f"{ask.__name__}-{entry.name}")
                action.triggered.connect(lambda _=False, ask=ask, entry=entry: ask(core, window, entry))


def _ask_export(core: Core, window: QWidget, entry: Exporter) -> None:
    dialog = QFileDialog(window, entry.title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(entry.suffix.lstrip("."))
    dialog.setNameFilter(f"*{entry.suffix}")
    dialog.fileSelected.connect(lambda name: export_to(core, entry, Path(name)))
    dialog.open()


def _ask_import(core: Core, window: QWidget, entry: Importer) -> None:
    dialog = QFileDialog(window, entry.title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(f"*{entry.suffix}")
    dialog.fileSelected.connect(lambda name: import_from(core, entry, Path(name)))
    dialog.open()


def export_to(core: Core, entry: Exporter, target: Path) -> None:
    """Runs an exporter in a thread; a notice says how it went."""

    def work(key: Any) -> None:
        entry.run(core, key, target, Job())
        core.events.notice("EXPORTED", f"{entry.title}: written.")

    _in_thread(core, entry.title, work)


def import_from(core: Core, entry: Importer, source: Path) -> None:
    """Runs an importer in a thread; its edits go into the journal like those of a person, and can be undone."""

    def work(key: Any) -> None:
        model = core.session.edited(key)
        edits = entry.run(core, key, source, Job())
        if model.journal is not None:
            model.journal.append_edits(edits, picture_of(core, model))
        core.session.publish(model)
        core.events.notice("IMPORTED", f"{entry.title}: done.")

    _in_thread(core, entry.title, work)


def _in_thread(core: Core, title: str, work: Callable[[Any], None]) -> None:
    def run() -> None:
        try:
            if core.session.current is None:
                raise CoreError("NOT_OPEN", "Open an exam first.", 409)
            work(core.session.current)
        except CoreError as error:
            core.events.notice(error.code, error.message)
        except Exception:  # an exporter may be foreign code: the person hears of it and the window goes on
            log.exception("%s", title)
            core.events.notice("EXCHANGE_FAILED", f"{title} did not work.")

    threading.Thread(target=run, name="exchange", daemon=True).start()
