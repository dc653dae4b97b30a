"""What must be there before the services start, made once: keys, users, topics. Compose runs it to its end."""

import sys

from deploy.embedded.seeding import seed, seed_vault
from services.complaints.receipts import secret_key
from services.shared import topics_admin
from services.shared.settings import Settings


def main() -> int:
    """Exit code 0 when all is there, 1 with a line on standard error when it is not. A second run changes nothing."""
    settings = Settings()
    passwords = settings.users_file.with_name("users.txt")
    seed(settings.signing_key_file, settings.users_file, passwords, settings.policies)
    seed_vault(settings.vault_keys, settings.public_keys, settings.vault_keys / "custodians.txt")
    for name in ("receipts.key", "attachments.key"):
        secret_key(settings.signing_key_file.with_name(name))
    try:
        reports = topics_admin.apply(settings.brokers, partitions=settings.partitions, replication=settings.replication)
    except (topics_admin.BrokerUnreachable, topics_admin.TopicsRefused) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    for report in reports:
        print(f"{report.name}: {report.state}" + "".join(f"; {text}" for text in report.differences))
    print(f"keys and users: {settings.signing_key_file.parent}, passwords in {passwords.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
