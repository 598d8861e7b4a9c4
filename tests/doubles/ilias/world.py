"""The state of one installation: providers, objects, people, and what has been reported of them."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.doubles.ilias.generation import GENERATIONS, Generation

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """One tool, as an administrator set it up."""

    id: int
    client_id: str
    url: str
    initiate_login: str
    redirect_uris: list[str]
    public_keyset: str
    key_type: str = "JWK_KEYSET"
    public_key: str = ""
    content_item_url: str = ""
    privacy_ident: int = 5
    privacy_name: int = 0
    always_learner: bool = False
    use_provider_id: bool = False
    include_picture: bool = False
    grade_sync: bool = False
    has_outcome: bool = False
    members: bool = False  # NRPS, 12 only
    custom: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """The outermost course or group, else a category or the root."""

    type: str = "crs"  # crs | grp | cat | root
    ref_id: int = 88
    title: str = "Kurs"


@dataclass
class Object:
    """An LTI consumer object: a link to a provider's tool somewhere in the repository."""

    obj_id: int
    ref_id: int
    provider: Provider
    title: str = "Lernpfad"
    desc: str = ""
    parent_type: str = "crs"  # crs | grp | fold
    context: Context = Context()
    launch: str = "newWin"  # newWin | ownWin | embedded
    mastery: float = 0.8
    custom: dict[str, str] = field(default_factory=dict)


@dataclass
class User:
    id: int
    login: str = "mgaertner"
    ext: str = ""
    email: str = "m.gaertner@musterstadt.example"
    first: str = "Mira"
    last: str = "Gärtner"
    create: str = "2024-01-01 00:00:00"
    lang: str = "de"
    write: bool = False
    admin: bool = False
    local_roles: list[str] = field(default_factory=list)


@dataclass
class Session:
    """A PHP session: who is signed in, and what was begun."""

    user: User | None = None
    hints: dict[str, float] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)


@dataclass
class Ilias:
    """One installation. The knobs at the end break what can break."""

    generation: Generation
    ilias_client: str = "prod"
    uuid: str = field(default_factory=lambda: secrets.token_hex(16))
    key: rsa.RSAPrivateKey = _KEY
    kid: str = field(default_factory=lambda: secrets.token_hex(10))
    base: str = ""
    providers: dict[int, Provider] = field(default_factory=dict)
    objects: dict[int, Object] = field(default_factory=dict)  # by ref_id
    users: dict[int, User] = field(default_factory=dict)
    idents: dict[tuple[int, int, int], str] = field(default_factory=dict)
    results: dict[tuple[int, int], float] = field(default_factory=dict)
    progress: dict[tuple[int, int], tuple[str, int]] = field(default_factory=dict)
    grades: list[dict[str, Any]] = field(default_factory=list)
    line_items: dict[int, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # method and path, for tests
    spent: set[str] = field(default_factory=set)  # jti of assertions, 12
    # Knobs
    clock_offset: int = 0
    host_name: str = ""  # of which idents are made, if not of the request's
    blocks_keysets: bool = False  # an egress proxy: ILIAS uses none for key sets
    gradeservice: bool = True  # early 8 has none
    resends_cookie: bool = False  # 11 from 2026-03 on https: SameSite=None

    @classmethod
    def of(cls, name: str, **more: Any) -> "Ilias":
        return cls(GENERATIONS[name], **more)

    def now(self) -> int:
        return int(time.time()) + self.clock_offset

    def provider_of(self, client_id: object) -> Provider | None:
        return next((p for p in self.providers.values() if p.client_id == client_id), None)

    def add(self, thing: Any) -> Any:
        """Put a provider, an object or a user into place, and return it."""
        if isinstance(thing, Object):
            self.objects[thing.ref_id] = thing
        elif isinstance(thing, Provider):
            self.providers[thing.id] = thing
        else:
            self.users[thing.id] = thing
        return thing

    def place(self, provider: Provider, **more: Any) -> Object:
        """Put an object of a provider into the repository."""
        number = len(self.objects) + 1
        made = Object(900 + number, 300 + number, provider, **more)
        self.objects[made.ref_id] = made
        return made
