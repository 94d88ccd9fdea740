"""What an owner is told of requirements that cannot be installed."""

import asyncio
from pathlib import Path

from hostler.backends.process import pip_settings, requirements
from hostler.backends.process.environments import Environment
from hostler.backends.process.isolation import Tier, TierKind
from hostler.backends.process.requirements import Overlays
from hostler.domain.layout import Layout
from process_world import PLAIN


def test_a_reason_names_no_folder_of_ours() -> None:
    folder = Path("/home/me/.hostler/overlays/0a1b.part")
    model = Path("/home/me/.hostler/models/ab12")
    output = (
        f"Using Python 3.11.7 environment at: {folder}\n"
        "  x No solution found when resolving dependencies:\n"
        f"  ╰─▶ nothing was found (from {model}/code/requirements.txt line 1)\n"
    )
    assert requirements.reason(output, folder, model) == (
        "x No solution found when resolving dependencies: "
        "╰─▶ nothing was found (from code/requirements.txt line 1)"
    )


def test_an_overlay_that_is_given_up_while_it_is_copied_leaves_nothing(tmp_path: Path) -> None:
    environment = Environment(PLAIN, tmp_path / "environment", tmp_path / "environment/bin/python")
    for number in range(500):
        package = environment.root / "site-packages" / f"p{number:04}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    user = tmp_path / "i"
    user.mkdir()
    overlays = Overlays(Layout(tmp_path / "d"), Tier(TierKind.RLIMITS, ""), pip_settings.PIPS)
    kept = tmp_path / "d" / "overlays"

    async def story() -> None:
        making = asyncio.create_task(
            overlays.ensure(environment, tmp_path / "model", user, lambda _line: None)
        )
        while not list(kept.glob(".*/site-packages/p*")):
            await asyncio.sleep(0.001)
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)

    asyncio.run(story())  # returns when the event loop's threads have ended
    assert list(kept.iterdir()) == []
