"""Settings: every mistake is named at once, nothing unsafe starts, no secret is shown."""

from pathlib import Path

import pytest

from lti_tool.errors import SettingsError
from lti_tool.settings import DEFAULT_SECRET, load

LIVE = {
    "ROADMAP__ENVIRONMENT": "production",
    "ROADMAP__SERVER__BASE_URL": "https://roadmap.stadt.example",
    "ROADMAP__SECURITY__SECRET_KEY": "k" * 40,
}


def test_the_defaults_are_complete_and_for_development() -> None:
    settings = load({})
    assert settings.development
    assert settings.server.port == 8080


def test_the_environment_wins_over_a_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "roadmap.toml"
    file.write_text("[server]\nport = 9001\nthreads = 3\n", encoding="utf-8")
    settings = load({"ROADMAP_CONFIG": str(file), "ROADMAP__SERVER__PORT": "9002"})
    assert (settings.server.port, settings.server.threads) == (9002, 3)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("f" * 40 + "\n", encoding="utf-8")
    settings = load({"ROADMAP__SECURITY__SECRET_KEY_FILE": str(secret)})
    assert settings.security.secret_key == "f" * 40


def test_what_is_unsafe_is_listed_beside_what_is_misspelt() -> None:
    wrong = {"ROADMAP__SERVER__PORT": "eighty", "ROADMAP__SERVER__HOTS": "x"}
    with pytest.raises(SettingsError) as failed:
        load(LIVE | wrong | {"ROADMAP__SECURITY__SECRET_KEY": DEFAULT_SECRET})
    said = str(failed.value)
    assert "3 problem(s)" in said
    assert "there is no setting server.hots; is server.host meant?" in said
    assert "security.secret_key: is the default" in said


def test_a_number_out_of_range_names_the_range() -> None:
    with pytest.raises(SettingsError) as failed:
        load({"ROADMAP__WORKER__LEASE_S": "nan", "ROADMAP__LRS__PAGE_SIZE": "0"})
    assert {p.where for p in failed.value.problems} == {"worker.lease_s", "lrs.page_size"}
    assert "lrs.page_size: must be between 1 and 1000" in str(failed.value)


def test_the_intranet_is_a_list_of_networks_without_our_own_machine() -> None:
    settings = load({"ROADMAP__SECURITY__INTRANET": "10.20.0.0/16, fd00::/8"})
    assert [str(net) for net in settings.security.intranet] == ["10.20.0.0/16", "fd00::/8"]
    for wrong in ("127.0.0.0/8", "169.254.169.254/32", "0.0.0.0/0", "intranet.stadt.example"):
        with pytest.raises(SettingsError, match="intranet"):
            load({"ROADMAP__SECURITY__INTRANET": wrong})


def test_all_mistakes_are_listed_at_once() -> None:
    with pytest.raises(SettingsError) as failed:
        load(
            {
                "ROADMAP__SERVER__PORT": "eighty",
                "ROADMAP__SERVR__HOST": "x",
                "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "perhaps",
            }
        )
    said = str(failed.value)
    assert "3 problem(s)" in said
    assert "ROADMAP__SERVER__PORT: server.port must be a whole number" in said
    assert "servr" in said
    assert "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP" in said


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"ROADMAP__SECURITY__SECRET_KEY": DEFAULT_SECRET}, "security.secret_key"),
        ({"ROADMAP__SERVER__BASE_URL": "http://localhost:8080"}, "server.base_url"),
        ({"ROADMAP__SECURITY__SECRET_KEY": "short"}, "security.secret_key"),
        ({"ROADMAP__SERVER__BASE_URL": "http://roadmap.stadt.example"}, "server.base_url"),
        ({"ROADMAP__SERVER__BASE_URL": "https://stadt.example/roadmap"}, "server.base_url"),
        ({"ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true"}, "security.allow_local_http"),
        ({"ROADMAP__PRIVACY__MIN_GROUP_SIZE": "4"}, "privacy.min_group_size"),
        ({"ROADMAP__DATABASE__URL": "mysql://x"}, "database.url"),
        ({"ROADMAP__RETENTION__RECOMMENDATIONS": "30"}, "retention.recommendations"),
        ({"ROADMAP__ENVIRONMENT": "development"}, "environment"),
    ],
)
def test_what_is_unsafe_does_not_start(change: dict[str, str], where: str) -> None:
    load(LIVE)
    with pytest.raises(SettingsError) as failed:
        load(LIVE | change)
    assert where in {p.where for p in failed.value.problems}
    assert f"(set by {next(iter(change))})" in str(failed.value)


def test_no_secret_is_shown() -> None:
    settings = load(LIVE | {"ROADMAP__DATABASE__URL": "postgresql+psycopg://u:canary@h/d"})
    assert "kkkk" not in repr(settings)
    assert "canary" not in repr(settings)


def test_a_wrong_value_is_never_repeated_in_the_message() -> None:
    with pytest.raises(SettingsError) as failed:
        load({"ROADMAP__SERVER__PORT": "canary-secret"})
    assert "canary-secret" not in str(failed.value)
