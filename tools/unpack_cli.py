"""Takes version 2 of the AWS CLI out of the wheel that AWS CDK ships it in (`make clients`).

On PyPI it is nowhere else: the wheel holds an npm package, which holds a Lambda layer.
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def main(folder: Path) -> None:
    (package,) = folder.glob("wheel/aws_cdk/asset_awscli_v2/_jsii/*.tgz")
    with tarfile.open(package) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            files.extractall(folder)  # noqa: S202 (pinned by the lock)
    (program,) = folder.glob("awscli/v2/[0-9]*/dist/aws")
    program.chmod(0o755)
    link = folder / "bin/aws"
    link.parent.mkdir()
    link.symlink_to(Path("..") / program.relative_to(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
