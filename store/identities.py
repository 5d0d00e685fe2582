"""Chat identities: which person an account on a chat platform is. One account is one person at most, and revocable."""

from dataclasses import asdict, dataclass
from uuid import UUID

from core.errors import BadInput, IllegalTransition, NotFound
from core.plain_text import storable
from store import audit
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

IDENTITIES = Queries("identities")
PER_PERSON_MAX = 20
PART_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody on a chat platform: the workspace (or bot) that they were met in, and the platform's id of the user.
    It is always the user who clicked or wrote, never the chat that it happened in."""

    platform: str
    workspace: str
    account: str

    def storable(self) -> "Account":
        """The same account in text that a database can keep, of bounded length; a strange one is nobody's."""
        cut = (storable(text)[:PART_CHARS_MAX] for text in (self.platform, self.workspace, self.account))
        return Account(*cut)

    def __str__(self) -> str:
        return f"{self.platform}:{self.workspace}:{self.account}"


async def link(conn: Connection, person: Row, account: Account) -> Row:
    """This account is this person from now on. Doing it twice changes nothing.

    Raises IllegalTransition where it is somebody else, and BadInput above PER_PERSON_MAX.
    """
    if len(await of_person(conn, person["id"])) >= PER_PERSON_MAX:
        raise BadInput(f"{person['name']} has {PER_PERSON_MAX} chat accounts already; revoke one first.")
    made = await maybe(conn, IDENTITIES["link"], {**asdict(account), "id": new_id(), "person_id": person["id"]})
    row = await one(conn, IDENTITIES["linked"], asdict(account))
    if row["person_id"] != person["id"]:
        said = "This account is linked to somebody else: they, or an admin, revoke that first."
        raise IllegalTransition(said, "linked_to_another")
    if made is not None:
        actor = f"person:{person['name']}"
        await audit.write(conn, actor=actor, action="identity.link", subject=actor, after=str(account))
    return row


async def person_of(conn: Connection, account: Account) -> Row | None:
    """`id`, `name`, `role` of the person that an account is; None for a stranger and for who left."""
    return await maybe(conn, IDENTITIES["person"], asdict(account))


async def of_person(conn: Connection, person_id: UUID) -> list[Row]:
    """The accounts of a person, the last linked one first."""
    return await many(conn, IDENTITIES["of_person"], [person_id])


async def revoke(conn: Connection, person: Row, identity_id: UUID, *, by: str) -> None:
    """An account of this person is nobody from now on. Doing it twice changes nothing. Raises NotFound."""
    row = await maybe(conn, IDENTITIES["revoke"], {"id": identity_id, "person_id": person["id"], "by": by})
    if row is not None:
        before = str(Account(row["platform"], row["workspace"], row["account"]))
        subject = f"person:{person['name']}"
        await audit.write(conn, actor=by, action="identity.revoke", subject=subject, before=before)
    elif await maybe(conn, IDENTITIES["exists"], [identity_id, person["id"]]) is None:
        raise NotFound(f"{person['name']} has no chat account {identity_id}.")
