"""Small wheels, and an index of wheels on this machine's own address: what a set-up is tried on without a network."""

from __future__ import annotations

import hashlib
import importlib.metadata as metadata
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = "wheels"


def wheel(folder: Path, name: str, version: str, needs: tuple[str, ...] = (), extras: tuple[str, ...] = ()) -> Path:
    """A wheel with one empty module, and what it asks for."""
    about = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    about += [f"Provides-Extra: {one}" for one in extras] + [f"Requires-Dist: {one}" for one in needs]
    info = f"{name}-{version}.dist-info"
    kind = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": "\n".join(about) + "\n",
        f"{info}/WHEEL": kind,
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for inside, text in {**files, f"{info}/RECORD": record}.items():
            packed.writestr(inside, text)
    return path


def repacked(folder: Path, name: str) -> Path:
    """An installed package as a wheel again: its files, and its programs where a wheel has them."""
    found = metadata.distribution(name)
    info = next(Path(str(one)).parts[0] for one in found.files or () if str(one).endswith(".dist-info/METADATA"))
    tag = next(line[5:] for line in (found.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: "))
    base, version = info.removesuffix(".dist-info").split("-")
    path = folder / f"{base}-{version}-{tag}.whl"
    kept = ("METADATA", "WHEEL", "entry_points.txt")
    inside: dict[str, Path] = {}
    for one in found.files or ():
        parts = Path(str(one)).parts
        if parts[0] == "..":
            if name == "uv" and parts[-2] in ("bin", "Scripts"):  # the one whose program is no entry point
                inside[f"{base}-{version}.data/scripts/{parts[-1]}"] = Path(str(found.locate_file(one)))
        elif "__pycache__" not in parts and (parts[0] != info or parts[-1] in kept):
            inside["/".join(parts)] = Path(str(found.locate_file(one)))
    with zipfile.ZipFile(path, "w") as packed:
        for target, source in inside.items():
            packed.write(source, target)
        packed.writestr(f"{info}/RECORD", "".join(f"{target},,\n" for target in [*inside, f"{info}/RECORD"]))
    return path


def locked(path: Path) -> str:
    """A wheel's entry in a lock."""
    name, version = path.name.split("-")[:2]
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Index:
    """A package index of the wheels in a folder, at an address of this machine; it notes who asked for what."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, []
        self.before: Callable[[str], None] = lambda path: None
        index = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append((self.path, self.headers.get("User-Agent", "")))
                index.before(self.path)
                code, kind, body = index.answer(self.path)
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server.server_port}/{FOLDER}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """A page of links for a package, or a wheel."""
        *_, last = path.strip("/").split("/")
        if last.endswith(".whl") and (self.folder / last).is_file():
            return 200, "application/octet-stream", (self.folder / last).read_bytes()
        names = [one.name for one in sorted(self.folder.iterdir()) if one.name.split("-")[0].replace("_", "-") == last]
        links = "".join(f'<a href="/file/{name}">{name}</a>' for name in names)
        return (200 if names else 404), "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
