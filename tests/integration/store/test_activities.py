"""Which activity of the LMS a unit is linked to, on both databases."""

from lti_tool.ports import TenantSettings
from lti_tool.store import mappings, tenants
from lti_tool.store.database import Database
from tests import migrated, registered
from tests.conftest import NOW


def test_an_idnumber_is_no_address_and_never_becomes_a_link(database_url: str) -> None:
    database = Database(database_url)
    migrated.make(database)
    with database.begin() as conn:
        town = tenants.add(conn, "t", "T", "HE", TenantSettings(), NOW)
        pages = {f"https://lms/mod/page/view.php?id={n}": "N1" for n in (2, 1)}
        others = {"A-N1": "N1", "LE-N4": "N4", "urn:uuid:7": "N5", "javascript:x": "N6"}
        mappings.add(conn, town.id, pages | others, NOW)
        assert tenants.activities(conn, town.id) == {"N1": "https://lms/mod/page/view.php?id=1"}
    database.close()


def test_a_page_of_the_lms_is_linked_before_an_address_that_is_none(database_url: str) -> None:
    """cmi5 content is mapped by an address of its publisher, where nothing need be."""
    database = Database(database_url)
    migrated.make(database)
    page = "https://lms.stadt.example/mod/cmi5/view.php?id=9"
    published = "https://inhalte.example/kurs/kennwoerter"
    with database.begin() as conn:
        town = tenants.add(conn, "t", "T", "HE", TenantSettings(), NOW)
        mappings.add(conn, town.id, {published: "N1", page: "N1"}, NOW)
        assert tenants.activities(conn, town.id) == {"N1": published}
        registered.moodle(conn, town.id, "https://lms.stadt.example", NOW)
        assert tenants.activities(conn, town.id) == {"N1": page}
    database.close()
