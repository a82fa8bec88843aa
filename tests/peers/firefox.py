"""A real Firefox, driven by WebDriver BiDi over its own socket: its Playwright build cannot be had everywhere."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
START_S, DEADLINE_S = 60.0, 60.0
# Nothing is fetched from outside: no plugin for H.264, no settings, no updates.
SETTINGS = """
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("media.autoplay.default", 0);
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.gmp-manager.url", "");
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:9/");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
"""


class Browser:
    """One page, and what it says of itself."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._context = ""

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of WebDriver BiDi, and its result."""
        number = next(self._numbers)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said: dict[str, Any] = json.loads(await self._socket.recv())
            if said.get("id") == number:
                assert said["type"] == "success", said
                result: dict[str, Any] = said["result"]
                return result

    async def begin(self) -> None:
        """Before anything else."""
        await self.ask("session.new", capabilities={})
        self._context = (await self.ask("browsingContext.getTree"))["contexts"][0]["context"]
        size = {"width": 1280, "height": 800}
        await self.ask("browsingContext.setViewport", context=self._context, viewport=size)

    async def goto(self, url: str) -> None:
        await self.ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, script: str) -> Any:
        """What an expression (or its promise) gives, by way of JSON."""
        told = await self.ask(
            "script.evaluate",
            expression=f"Promise.resolve({script}).then((value) => JSON.stringify(value ?? null))",
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        assert told["type"] == "success", told
        return json.loads(told["result"]["value"])

    async def shot(self, path: Path) -> None:
        """What is on the page, as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = await self.ask("browsingContext.captureScreenshot", context=self._context)
        path.write_bytes(base64.b64decode(told["data"]))

    async def become(self, script: str, wanted: Callable[[Any], bool]) -> Any:
        """Look at the page until what it says is as wanted."""
        said: Any = None
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not wanted(said := await self.evaluate(script)):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{script} stayed {said!r}") from None
        return said


@asynccontextmanager
async def firefox(profile: Path) -> AsyncIterator[Browser]:
    """A browser with an empty profile in this folder; gone afterwards."""
    assert FIREFOX is not None
    profile.mkdir()
    (profile / "user.js").write_text(SETTINGS)
    log = profile.with_suffix(".log")
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port=0",
            stdout=asyncio.subprocess.DEVNULL, stderr=errors, env={"HOME": str(profile), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
    try:
        async with asyncio.timeout(START_S):
            while not (found := re.search(r"WebDriver BiDi listening on (ws://\S+)\n", log.read_text())):
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.1)
        async with connect(f"{found[1]}/session", max_size=None, proxy=None) as socket:
            browser = Browser(socket)
            await browser.begin()
            yield browser
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
