"""What every answer says about itself: which scripts may run, who may frame it, what it tells other sites."""

from __future__ import annotations

from collections.abc import Sequence

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address holds the visitor's setting
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def policy(frame_ancestors: Sequence[str], nonce: str = "") -> str:
    """The Content-Security-Policy: this server's scripts alone, and of those in the page the ones that carry the nonce.

    Widgets' modules reach the page as ``blob:``. Plotly and the widgets set styles on elements. Nothing is evaluated.
    """
    own = f"'self' 'nonce-{nonce}' blob:" if nonce else "'self'"
    rules = {
        "default-src": "'self'",
        "script-src": own,
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' ws: wss:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(frame_ancestors),
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
