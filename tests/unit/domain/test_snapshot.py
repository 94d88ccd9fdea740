"""What a snapshot says of itself in a log or a traceback."""

from hostler.domain.snapshot import Credential, Principal, Snapshot


def test_a_secret_is_in_no_repr() -> None:
    snapshot = Snapshot(
        1, "123456789012", "us-east-1", credentials=(Credential("A", "s3cr3t", ""),)
    )
    assert "s3cr3t" not in repr(snapshot)
    assert "'A'" in repr(snapshot)


def test_a_key_without_its_principal_is_nobody_s() -> None:
    root = Principal("arn:root", "1", "1", "root", is_root=True)
    known, orphan = Credential("AKIA1", "s", "arn:root"), Credential("AKIA2", "s", "arn:gone")
    snapshot = Snapshot(1, "1", "us-east-1", credentials=(known, orphan), principals=(root,))
    assert snapshot.access_keys() == {"AKIA1": (known, root)}
