"""Which operations and which documented errors the suite has really exercised.

Every call through botocore is seen by an event hook; the raw calls of wire.py report
themselves. At the end of a whole run, an operation without a success, or an error that
the model lists for it and nobody provoked, fails the run unless `known_gaps.toml` names it
with a reason. So does an exemption that is no longer needed: the list only shrinks. One that
names a `host` is for hosts that lack it: its operation may be exercised or not.
"""

import fnmatch
import functools

import botocore.session

import server as servers

SUCCESS = "success"

# What Query calls an error, where it differs from the shape's name. The shapes of the
# current model no longer carry their Query codes.
SHAPES_BY_QUERY_CODE = {
    "AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExist",
    "QueueAlreadyExists": "QueueNameExists",
    "KMS.AccessDeniedException": "KmsAccessDenied",
    "KMS.DisabledException": "KmsDisabled",
    "KMS.InvalidStateException": "KmsInvalidState",
    "KMS.NotFoundException": "KmsNotFound",
    "KMS.OptInRequired": "KmsOptInRequired",
    "KMS.ThrottlingException": "KmsThrottled",
    "KMS.InvalidKeyUsageException": "KmsInvalidKeyUsage",
}

exercised = set()


def shape_of(code):
    """The shape's name of an error code as any of the protocols writes it."""
    if code in SHAPES_BY_QUERY_CODE:
        return SHAPES_BY_QUERY_CODE[code]
    return code.rpartition("#")[2].rpartition("AWS.SimpleQueueService.")[2]


def watch(session):
    """Hooks a botocore session so that every call of its clients is recorded."""
    session.get_component("event_emitter").register("after-call", _after_call)


def _after_call(http_response, parsed, model, **_):
    service = model.service_model.service_name
    if http_response.status_code < 300:
        outcome = SUCCESS
    else:
        error = parsed.get("Error", {})
        outcome = shape_of(error.get("QueryErrorCode") or error.get("Code", ""))
    exercised.add((service, model.name, outcome))


def record_reply(service, operation, reply):
    """Takes note of an answer to a raw call; one that is no AWS error proves nothing."""
    try:
        outcome = SUCCESS if reply.status < 300 else shape_of(reply.code)
    except (ValueError, KeyError, AssertionError, SyntaxError):
        return
    exercised.add((service, operation, outcome))


@functools.cache
def demanded():
    """Every (service, operation, outcome) that the models promise."""
    found = set()
    loader = botocore.session.get_session()
    for service, operation in servers.implemented():
        found.add((service, operation, SUCCESS))
        for shape in loader.get_service_model(service).operation_model(operation).error_shapes:
            found.add((service, operation, shape_of(shape.error_code)))
            found.discard((service, operation, ""))
    return frozenset(found)


def verdict(seen, exemptions):
    """Lines that say what is wrong; none when the gate is passed.

    An exemption is a table with `operation` ("sqs.SendMessage", or with wildcards), `error`
    ("Kms*", or "success") and `reason`; and with `host`, what tests need of a host that reach it.
    """
    problems = []
    used = [False] * len(exemptions)
    for triple in sorted(demanded()):
        matching = [i for i, e in enumerate(exemptions) if _matches(e, triple)]
        if triple in seen:
            problems += [
                f"{_text(triple)} is exercised: the exemption {exemptions[i]['operation']} "
                f"{exemptions[i]['error']} is no longer needed as it stands"
                for i in matching
                if "host" not in exemptions[i]
            ]
        elif not matching:
            problems.append(f"{_text(triple)} is exercised by no test and has no exemption")
        for i in matching:
            used[i] = True
    for entry, was_used in zip(exemptions, used):
        if not was_used:
            problems.append(f"the exemption {entry['operation']} {entry['error']} matches nothing in the models")
    return problems


def _matches(entry, triple):
    service, operation, outcome = triple
    return fnmatch.fnmatchcase(f"{service}.{operation}", entry["operation"]) and fnmatch.fnmatchcase(
        outcome, entry["error"]
    )


def _text(triple):
    service, operation, outcome = triple
    return f"{service}.{operation}: {outcome}"
