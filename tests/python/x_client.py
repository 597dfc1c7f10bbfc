"""What a window manager and a file manager do to a window, for tests on a display that has neither.

Xlib through ctypes: minimising needs a window manager's WM_STATE (ICCCM 4.1.3.1), and dropping files a
source of the XDND protocol (version 5), which no command-line program sends.
"""

import ctypes
import ctypes.util
import time
import urllib.parse

_long = ctypes.c_long
_ulong = ctypes.c_ulong
_pointer = ctypes.c_void_p

CLIENT_MESSAGE = 33
SELECTION_REQUEST = 30
SELECTION_NOTIFY = 31
WITHDRAWN, NORMAL, ICONIC = 0, 1, 3


class _ClientMessage(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", _ulong), ("send_event", ctypes.c_int), ("display", _pointer),
                ("window", _ulong), ("message_type", _ulong), ("format", ctypes.c_int), ("data", _long * 5)]


class _SelectionRequest(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", _ulong), ("send_event", ctypes.c_int), ("display", _pointer),
                ("owner", _ulong), ("requestor", _ulong), ("selection", _ulong), ("target", _ulong),
                ("property", _ulong), ("time", _ulong)]


class _SelectionNotify(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", _ulong), ("send_event", ctypes.c_int), ("display", _pointer),
                ("requestor", _ulong), ("selection", _ulong), ("target", _ulong), ("property", _ulong),
                ("time", _ulong)]


class _Event(ctypes.Union):
    _fields_ = [("type", ctypes.c_int), ("client", _ClientMessage), ("request", _SelectionRequest),
                ("selection", _SelectionNotify), ("pad", _long * 24)]


class XClient:
    """A connection to a display, as a window manager or a source of drops."""

    def __init__(self, display):
        name = ctypes.util.find_library("X11")
        if name is None:
            raise FileNotFoundError("libX11 is not installed")
        self.x = ctypes.CDLL(name)
        self.x.XOpenDisplay.restype = _pointer
        self.x.XInternAtom.restype = _ulong
        self.x.XDefaultRootWindow.restype = _ulong
        self.x.XCreateSimpleWindow.restype = _ulong
        opened = self.x.XOpenDisplay(display.encode())
        if not opened:
            raise ConnectionError(f"the display {display} does not answer")
        self.display = _pointer(opened)
        root = _ulong(self.x.XDefaultRootWindow(self.display))
        self.window = self.x.XCreateSimpleWindow(self.display, root, 0, 0, 1, 1, 0, _ulong(0), _ulong(0))

    def close(self):
        self.x.XCloseDisplay(self.display)

    def atom(self, name):
        return self.x.XInternAtom(self.display, name.encode(), 0)

    def flush(self):
        self.x.XSync(self.display, 0)

    # --- A window manager ---

    def _set_state(self, window, state):
        kind = self.atom("WM_STATE")
        values = (_long * 2)(state, 0)
        self.x.XChangeProperty(self.display, _ulong(window), _ulong(kind), _ulong(kind), 32, 0, values, 2)

    def minimise(self, window):
        self.x.XUnmapWindow(self.display, _ulong(window))
        self._set_state(window, ICONIC)
        self.flush()

    def restore(self, window):
        self.x.XMapWindow(self.display, _ulong(window))
        self._set_state(window, NORMAL)
        self.flush()

    # --- A source of drops ---

    def _send(self, window, name, *data):
        event = _Event()
        event.client.type = CLIENT_MESSAGE
        event.client.window = window
        event.client.message_type = self.atom(name)
        event.client.format = 32
        for i, value in enumerate(data):
            event.client.data[i] = value
        self.x.XSendEvent(self.display, _ulong(window), 0, _long(0), ctypes.byref(event))
        self.flush()

    def drop(self, window, paths, patience_s=30):
        """Drops files on a window, at its middle; returns when it has asked for them and got them."""
        uris = "".join(f"file://{urllib.parse.quote(str(path))}\r\n" for path in paths).encode()
        selection = self.atom("XdndSelection")
        kind = self.atom("text/uri-list")
        self.x.XSetSelectionOwner(self.display, _ulong(selection), _ulong(self.window), _ulong(0))
        self._send(window, "XdndEnter", self.window, 5 << 24, kind, 0, 0)
        self._send(window, "XdndPosition", self.window, 0, 400 << 16 | 300, 0, self.atom("XdndActionCopy"))
        self._send(window, "XdndDrop", self.window, 0, 0)
        end = time.monotonic() + patience_s
        event = _Event()
        while time.monotonic() < end:
            if self.x.XPending(self.display) == 0:
                time.sleep(0.01)
                continue
            self.x.XNextEvent(self.display, ctypes.byref(event))
            if event.type != SELECTION_REQUEST:
                continue
            asked = event.request
            self.x.XChangeProperty(self.display, _ulong(asked.requestor), _ulong(asked.property), _ulong(kind), 8, 0,
                                   uris, len(uris))
            answer = _Event()
            answer.selection.type = SELECTION_NOTIFY
            answer.selection.requestor = asked.requestor
            answer.selection.selection = asked.selection
            answer.selection.target = asked.target
            answer.selection.property = asked.property
            answer.selection.time = asked.time
            self.x.XSendEvent(self.display, _ulong(asked.requestor), 0, _long(0), ctypes.byref(answer))
            self.flush()
            return
        raise AssertionError("the window did not ask for what was dropped")
