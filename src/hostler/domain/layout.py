"""Where things lie in a data directory. Paths only; whoever writes a file creates its folder.

Invariant: each file has one writer, named here. Unix socket paths are at most 107 bytes, which
bounds the data directory's own path at ``ROOT_LENGTH_MAX``.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT_LENGTH_MAX = 70


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one data directory (``root`` is absolute)."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held (flock) by the living supervisor."""
        return self.root / "hostler.lock"

    @property
    def config(self) -> Path:
        """The settings the supervisor started with (JSON); writer: supervisor."""
        return self.root / "config.json"

    @property
    def database(self) -> Path:
        """Writer: control."""
        return self.root / "hostler.db"

    @property
    def reserve(self) -> Path:
        """Takes room that deletions need when the disk is full; writer: control."""
        return self.root / "reserve"

    @property
    def secrets_key(self) -> Path:
        """What secrets are sealed with in the database and the snapshot (0600); writer: control."""
        return self.root / "secrets.key"

    @property
    def root_credentials(self) -> Path:
        """The root user's access key (JSON, 0600); writer: control, once."""
        return self.root / "root.json"

    @property
    def accounts(self) -> Path:
        """A folder for each further account (0700); writer: the command line, as a wish."""
        return self.root / "accounts"

    def account_root(self, account: str) -> Path:
        """A further account's root key (JSON, 0600); writer: control, once."""
        return self.accounts / account / "root.json"

    @property
    def user_keys(self) -> Path:
        """The access keys of users that `hostler` made (JSON, 0600); writer: the command line."""
        return self.root / "keys.json"

    def sdk_config(self, user: str) -> Path:
        """The SageMaker SDK's settings for a user's shell; writer: the command line."""
        return self.root / f"{user}-sagemaker-sdk.yaml"

    @property
    def aws_configs(self) -> Path:
        """Copies of the user's AWS configuration for their shells; writer: the command line."""
        return self.root / "aws"

    @property
    def authority(self) -> Path:
        """The local certificate authority and what goes with it (0700); writer: control, once."""
        return self.root / "authority"

    @property
    def authority_certificate(self) -> Path:
        return self.authority / "ca.pem"

    @property
    def authority_key(self) -> Path:
        return self.authority / "ca.key"

    @property
    def server_authority_certificate(self) -> Path:
        """Vouches for this machine's names with ``tls = "local"``; writer: the gateways."""
        return self.authority / "server.pem"

    @property
    def server_authority_key(self) -> Path:
        return self.authority / "server.key"

    @property
    def proxy_token(self) -> Path:
        """Lets its holder tunnel through the gateway to hosts that are not AWS's (0600)."""
        return self.authority / "proxy-token"

    @property
    def trusted_certificates(self) -> Path:
        """The authorities a user's tools trust, and ours; writer: the command line."""
        return self.root / "trusted.pem"

    @property
    def up_log(self) -> Path:
        """The console of `hostler up --detach`; writer: the supervisor."""
        return self.root / "up.log"

    @property
    def logs_database(self) -> Path:
        """CloudWatch Logs' events; writer: control."""
        return self.root / "telemetry" / "logs.db"

    @property
    def audit_database(self) -> Path:
        """Who called what; writer: control."""
        return self.root / "telemetry" / "audit.db"

    @property
    def metrics_database(self) -> Path:
        """CloudWatch's metrics; writer: control."""
        return self.root / "telemetry" / "metrics.db"

    @property
    def s3(self) -> Path:
        """Blobs and their index; writer: the S3 process."""
        return self.root / "s3"

    @property
    def s3_index(self) -> Path:
        return self.s3 / "index.db"

    @property
    def s3_reserve(self) -> Path:
        """The same for deletions of objects; writer: the S3 process."""
        return self.s3 / "reserve"

    @property
    def downloads(self) -> Path:
        """Model data of an external S3, while it is unpacked (0700); writer: control."""
        return self.root / "downloads"

    @property
    def models(self) -> Path:
        """Unpacked model data by content (0711); writer: control's process backend."""
        return self.root / "models"

    @property
    def overlays(self) -> Path:
        """Environments with a model's own requirements; writer: control's process backend."""
        return self.root / "overlays"

    @property
    def prepared(self) -> Path:
        """References to what models need that no instance uses yet; writer: control's backend."""
        return self.root / "prepared"

    @property
    def mount_point(self) -> Path:
        """Stays empty: sandboxes of errands mount their root on it, each in its own namespace."""
        return self.root / "mnt"

    @property
    def instances(self) -> Path:
        """One folder an instance (0711)."""
        return self.root / "i"

    def instance(self, instance_id: str) -> Path:
        return self.instances / instance_id

    @property
    def run(self) -> Path:
        """Sockets, pid files and the snapshot (0700)."""
        return self.root / "run"

    @property
    def process_logs(self) -> Path:
        """Standard output and error of control, S3, gateways and zygotes; writer: supervisor."""
        return self.root / "log"

    def process_log(self, process: str) -> Path:
        return self.process_logs / f"{process}.log"

    @property
    def init_status(self) -> Path:
        """How far the user's init scripts are (JSON); writer: supervisor, then the init process."""
        return self.run / "init.json"

    @property
    def snapshot(self) -> Path:
        """The last snapshot (0600); writer: control."""
        return self.run / "snapshot"

    @property
    def snapshot_socket(self) -> Path:
        """Where control pushes snapshots to subscribers."""
        return self.run / "push.sock"

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def s3_socket(self) -> Path:
        return self.run / "s3.sock"

    @property
    def s3_loans_socket(self) -> Path:
        """Where gateways lend S3 their clients' connections."""
        return self.run / "s3-loans.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def gateway_counts(self) -> Path:
        """What the gateways count together; each writes in a column of its own."""
        return self.run / "counts"

    def gateway_socket(self, slot: int) -> Path:
        """Where a gateway hands its listening socket to a new supervisor."""
        return self.run / f"gateway-{slot}.sock"

    def gateway_spool(self, slot: int, life: str) -> Path:
        """One gateway process's counters, second by second, until they are ingested; its writer.

        Args:
            slot: The gateway's.
            life: Tells it from others of its slot. Versions before wrote to ``gateway-N``,
                whichever process it was.
        """
        return self.spools / f"gateway-{slot}-{life}"

    @property
    def spools(self) -> Path:
        """What processes write down until control ingests it."""
        return self.root / "spool"

    @property
    def notifications(self) -> Path:
        """Files that subscriptions of the protocol ``file`` write (0700); writer: control."""
        return self.root / "notifications"

    def audit_spool(self, process: str, life: str) -> Path:
        """One process's records of calls (0700); its writer (``life``: as of ``gateway_spool``)."""
        return self.spools / f"audit-{process}-{life}"

    def key_uses(self, process: str) -> Path:
        """When access keys were last used, as a gateway or S3 saw it; writer: that process."""
        return self.run / f"{process}.uses"

    def zygote_socket(self, digest: str) -> Path:
        return self.run / f"zygote-{digest[:12]}.sock"

    def pid_file(self, process: str) -> Path:
        """JSON {pid, start_time}; writer: supervisor."""
        return self.run / f"{process}.pid"
