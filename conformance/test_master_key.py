"""The master key, under which everything secret lies: where it is from, and that a lost one is never replaced."""

import base64
import os
import pathlib
import stat

import pytest

import keys
import server as servers

OTHER = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


@pytest.fixture
def cloud(tmp_path):
    """cloud(**environment): starts a cloud on the one data folder; the one before is killed."""
    data, started = tmp_path / "data", []

    def start(*arguments, **environment):
        stop()
        running = start.running = servers.Server("--dev", "--data", str(data), *arguments, **environment)
        started.append(running)
        running.start()
        return keys.People(running).root("000000000000")

    def stop():
        for running in started:
            running.kill()

    start.data, start.file, start.stop = data, data / "master.key", stop
    yield start
    stop()


def refused(cloud, *arguments, **environment):
    """What a cloud says that does not start."""
    with pytest.raises(RuntimeError) as why:
        cloud(*arguments, **environment)
    return str(why.value)


def sealed(kms):
    return kms.encrypt(KeyId=keys.make(kms), Plaintext=b"plain")["CiphertextBlob"]


def opens(kms, blob):
    return kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain"


def test_it_is_kept_for_its_owner_alone(cloud):
    cloud()
    assert stat.S_IMODE(os.stat(cloud.file).st_mode) == 0o600
    assert cloud.file.stat().st_size >= 32


def test_it_stays_the_same(cloud):
    blob = sealed(cloud())
    before = cloud.file.read_bytes()
    assert opens(cloud(), blob)
    assert cloud.file.read_bytes() == before


def test_a_lost_one_is_named_and_not_replaced(cloud):
    blob = sealed(cloud())
    kept = cloud.file.read_bytes()
    cloud.stop()
    cloud.file.unlink()
    files = {p.name for p in cloud.data.iterdir()}
    why = refused(cloud)
    assert "master key" in why and "master.key" in why
    assert not cloud.file.exists() and {p.name for p in cloud.data.iterdir()} <= files
    cloud.file.write_bytes(kept)
    cloud.file.chmod(0o600)
    assert opens(cloud(), blob)


@pytest.mark.parametrize("text", [OTHER, "nonsense", "", OTHER[:-1]])
def test_another_one_is_refused_and_not_shown(cloud, text):
    blob = sealed(cloud())
    kept = cloud.file.read_bytes()
    cloud.stop()
    cloud.file.write_text(text)
    why = refused(cloud)
    assert "master.key" in why and OTHER[:16] not in why
    assert cloud.file.read_text() == text
    cloud.file.write_bytes(kept)
    assert opens(cloud(), blob)


def test_the_environment_may_give_it(cloud):
    given = {"FOGBANK_MASTER_KEY": OTHER}
    blob = sealed(cloud(**given))
    assert not cloud.file.exists()
    in_base64 = base64.b64encode(bytes.fromhex(OTHER)).decode()
    for again in (given, {"FOGBANK_MASTER_KEY": in_base64}):
        assert opens(cloud(**again), blob)
    assert "FOGBANK_MASTER_KEY" in refused(cloud)
    assert not cloud.file.exists()
    why = refused(cloud, FOGBANK_MASTER_KEY=OTHER[::-1])
    assert "FOGBANK_MASTER_KEY" in why and OTHER[::-1][:16] not in why
    assert OTHER not in everywhere(cloud.data)


def test_a_command_may_give_it(cloud, tmp_path):
    (tmp_path / "key").write_text(OTHER + "\n")
    config = tmp_path / "fogbank.toml"
    config.write_text(f'[keys]\ncommand = ["cat", "{tmp_path}/key"]\n')
    arguments = ("--config", str(config))
    blob = sealed(cloud(*arguments))
    assert not cloud.file.exists()
    assert opens(cloud(*arguments), blob)
    assert opens(cloud(FOGBANK_MASTER_KEY=OTHER), blob)
    (tmp_path / "key").unlink()
    why = refused(cloud, *arguments)
    assert "[keys] command" in why
    assert not cloud.file.exists()


def everywhere(folder):
    return "".join(p.read_bytes().decode("latin-1") for p in pathlib.Path(folder).rglob("*") if p.is_file())


def test_a_cloud_in_memory_leaves_no_key_behind(tmp_path):
    running = servers.Server("--dev", "--memory", XDG_DATA_HOME=str(tmp_path)).start()
    try:
        kms = keys.People(running).root("000000000000")
        assert opens(kms, sealed(kms))
        assert not list(tmp_path.rglob("master.key"))
    finally:
        running.kill()


def test_the_running_process_does_not_hand_its_memory_out(cloud):
    """No core dump has keys in it: the process asks for none, whatever the shell allows."""
    kms = cloud()
    assert opens(kms, sealed(kms))
    limits = pathlib.Path(f"/proc/{cloud.running.process.pid}/limits").read_text()
    [core] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"], core
