"""The filters of EC2's Describe operations, as the model's documentation lists them."""

import re

import botocore.session

NOT_FILTERS = {"informational", "low", "medium", "high", "critical"}


def documented():
    """Operations with the names of their filters, without those of tags."""
    loader = botocore.session.get_session().get_component("data_loader")
    model = loader.load_service_model("ec2", "service-2")
    found = {}
    for name, operation in model["operations"].items():
        shape = model["shapes"].get(operation.get("input", {}).get("shape"), {})
        for member in ("Filters", "Filter"):
            text = shape.get("members", {}).get(member, {}).get("documentation", "")
            names = re.findall(r"<li>\s*<p>\s*<code>([a-zA-Z0-9.<>/:_-]+)</code>", text)
            plain = [re.sub(r"<[^>]*>", "", one) for one in names]
            plain = [one for one in plain if not one.startswith("tag") and one not in NOT_FILTERS]
            if plain:
                found[name] = (member, plain)
    return found
