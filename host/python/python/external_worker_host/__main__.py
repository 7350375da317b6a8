"""``python -m external_worker_host`` is ``ewh``."""

from ._command import main

main()
