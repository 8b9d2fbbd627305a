"""`python -m appliance …` is `cosound …`."""

from appliance.cli import main

main()
