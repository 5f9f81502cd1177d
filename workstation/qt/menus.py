"""What is in the menus of the desktop window, and what does each entry do? Used by the main window.

An entry is a command of the viewer (`web_viewer/shortcuts.js`), or `window:METHOD` of the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence

from workstation.core import Core
from workstation.qt.exchange import add_exchange

if TYPE_CHECKING:
    from workstation.qt.main_window import MainWindow

# (menu, ((text, command of the viewer or window:method, key to show), …)); None: a line.
_MENUS: tuple[tuple[str, tuple[tuple[str, str, str] | None, ...]], ...] = (
    (
        "&File",
        (
            ("Choose an &exam…", "exams", ""),
            ("&Next exam", "next_series", ""),
            ("&Save", "save", "Ctrl+S"),
            ("&Done, or open again", "done", ""),
            None,
            ("Earlier &versions…", "history", ""),
            ("&Refresh the data set", "window:refresh", "F5"),
            ("&Clear downloaded pictures…", "window:purge", ""),
            None,
            ("Se&ttings…", "settings", "Ctrl+,"),
            ("&Quit", "window:close", "Ctrl+Q"),
        ),
    ),
    (
        "&Edit",
        (
            ("&Undo", "undo", "Ctrl+Z"),
            ("&Redo", "redo", "Ctrl+Shift+Z"),
            None,
            ("Copy the mask of the frame &before", "copy_previous", ""),
            ("Copy the mask of the frame &after", "copy_next", ""),
            ("Mark as &empty", "mark_empty", ""),
            ("&Clear this frame", "clear", ""),
        ),
    ),
    (
        "&View",
        (
            ("&Fit to the window", "fit", ""),
            ("Zoom &in", "zoom_in", "Ctrl++"),
            ("Zoom &out", "zoom_out", "Ctrl+-"),
            None,
            ("&Outline only", "outline", ""),
            ("&Hide or show masks", "hide_masks", ""),
            ("In&vert black and white", "invert", ""),
            None,
            ("Full &screen", "window:toggle_full_screen", "F11"),
        ),
    ),
    ("&Help", (("&Help and keys", "help", "F1"), ("&About Goobusters", "window:about", ""))),
)


def add_menus(window: MainWindow, core: Core) -> None:
    """Fills the window's menu bar."""
    for title, entries in _MENUS:
        menu = window.menuBar().addMenu(title)
        for entry in entries:
            if entry is None:
                menu.addSeparator()
            else:
                menu.addAction(_action(window, *entry))
                if entry[1] == "window:purge":
                    add_exchange(menu, core, window)


def _action(window: MainWindow, text: str, command: str, keys: str) -> QAction:
    action = QAction(text, window)
    action.setObjectName(command.replace("window:", ""))
    if keys:
        action.setShortcut(QKeySequence(keys))
    if command.startswith("window:"):
        method = getattr(window, command.removeprefix("window:"))
        action.triggered.connect(lambda: method())
    else:
        action.triggered.connect(lambda: window.view.command(command))
        # Shown only: the page handles its own keys; people can change them, and a text field has its own Ctrl+Z.
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
    if command == "settings":
        action.setMenuRole(QAction.MenuRole.PreferencesRole)
    return action
