"""Passwords are hard to guess, kept unreadable, and cost a guesser as much as a stranger."""

import threading
import time

import anyio
import pytest
from passlib.context import CryptContext

from app.access.passwords import PasswordFault, PasswordHasher, PasswordTooWeak, check_strength

CHEAP = PasswordHasher(time_cost=1, memory_kib=8)
GOOD = "marmalade otter viaduct"


def refusal(password: str, about: tuple[str, ...] = ()) -> PasswordTooWeak:
    with pytest.raises(PasswordTooWeak) as caught:
        check_strength(password, about=about)
    assert not password or password not in str(caught.value)
    return caught.value


# --- what may be chosen ---------------------------------------------------------------------------------


@pytest.mark.parametrize("password", [GOOD, "Zq8#vLw2!pRt", "三 frogs läuten nachts", "x9$" + GOOD * 5])
def test_a_long_unusual_password_may_be_chosen(password: str) -> None:
    check_strength(password)


def test_a_password_has_12_to_128_characters() -> None:
    start = "Zq8#vLw2!pR"
    assert refusal(start).fault is PasswordFault.TOO_SHORT
    assert refusal("").fault is PasswordFault.TOO_SHORT
    check_strength(start + "t" * (128 - len(start)))
    assert refusal(start + "t" * (129 - len(start))).fault is PasswordFault.TOO_LONG
    assert refusal("t" * 1_000_000).fault is PasswordFault.TOO_LONG


def test_length_counts_characters_as_people_see_them() -> None:
    """Eleven letters, each sent as a letter and its accent."""
    assert refusal("é" * 11).fault is PasswordFault.TOO_SHORT


@pytest.mark.parametrize(
    "password",
    ["password1234", "aaaaaaaaaaaaaaaa", "qwertyuiop[]", "Password123456!", "abcabcabcabcabc", "a" * 128],
)
def test_a_password_that_many_people_choose_is_refused(password: str) -> None:
    assert refusal(password).fault is PasswordFault.TOO_EASY_TO_GUESS


def test_a_password_made_of_the_persons_own_name_and_address_is_refused() -> None:
    password = "okonkwoadaeze"
    check_strength(password)
    about = ("Adaeze", "Okonkwo", "adaeze.okonkwo@northfield.example")
    assert refusal(password, about).fault is PasswordFault.TOO_EASY_TO_GUESS


def test_words_about_one_person_do_not_count_against_the_next() -> None:
    password = "okonkwoadaeze"
    refusal(password, ("adaeze.okonkwo@northfield.example",))
    check_strength(password)


@pytest.mark.parametrize("character", ["\x00", "\ud800", "\n", "\x7f"])
def test_a_character_that_cannot_be_typed_or_kept_is_refused(character: str) -> None:
    assert refusal(GOOD + character).fault is PasswordFault.UNUSABLE_CHARACTERS


# --- how it is kept ------------------------------------------------------------------------------------


def test_a_password_is_kept_as_argon2id_and_never_twice_the_same() -> None:
    first, second = CHEAP.hash_now(GOOD), CHEAP.hash_now(GOOD)
    assert first.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert first != second
    assert GOOD not in first


def test_the_costs_are_those_of_the_standard_unless_set_otherwise() -> None:
    assert PasswordHasher().hash_now(GOOD).startswith("$argon2id$v=19$m=65536,t=3,p=1$")


def test_the_right_password_is_known_and_a_wrong_one_is_not() -> None:
    stored = CHEAP.hash_now(GOOD)
    assert CHEAP.verify_now(GOOD, stored) == (True, None)
    assert CHEAP.verify_now(GOOD + " ", stored) == (False, None)
    assert CHEAP.verify_now(GOOD.upper(), stored) == (False, None)
    assert CHEAP.verify_now("", stored) == (False, None)


def test_the_same_letters_typed_on_another_keyboard_are_the_same_password() -> None:
    composed, decomposed = "caf\u00e9 marmalade otter", "cafe\u0301 marmalade otter"
    assert CHEAP.verify_now(decomposed, CHEAP.hash_now(composed)) == (True, None)
    assert CHEAP.verify_now(composed, CHEAP.hash_now(decomposed)) == (True, None)


def test_characters_past_the_72nd_count() -> None:
    long = (GOOD + " ") * 4
    stored = CHEAP.hash_now(long + "a")
    assert CHEAP.verify_now(long + "a", stored)[0]
    assert not CHEAP.verify_now(long + "b", stored)[0]


@pytest.mark.parametrize("dearer", [PasswordHasher(time_cost=2, memory_kib=8), PasswordHasher(1, 16)])
def test_when_the_costs_change_a_fresh_hash_is_handed_back(dearer: PasswordHasher) -> None:
    known, fresh = dearer.verify_now(GOOD, CHEAP.hash_now(GOOD))
    assert known
    assert fresh is not None
    assert dearer.verify_now(GOOD, fresh) == (True, None)
    assert dearer.verify_now("wrong" + GOOD, CHEAP.hash_now(GOOD)) == (False, None)


@pytest.mark.parametrize(
    "stored", ["", "plain text", GOOD, "$2b$12$abc", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$!$!"]
)
def test_a_hash_that_cannot_be_used_lets_nobody_in(stored: str) -> None:
    assert CHEAP.verify_now(GOOD, stored) == (False, None)


def test_a_hash_of_another_kind_lets_nobody_in() -> None:
    other = CryptContext(["argon2"], argon2__type="I", argon2__rounds=1, argon2__memory_cost=8, argon2__parallelism=1)
    stored = other.hash(GOOD)
    assert other.verify(GOOD, stored)
    assert CHEAP.verify_now(GOOD, stored) == (False, None)


@pytest.mark.parametrize("password", ["\ud800" * 12, "x" * 129, "x" * 1_000_000])
def test_a_password_nobody_can_have_is_wrong_and_no_fault(password: str) -> None:
    assert CHEAP.verify_now(password, CHEAP.hash_now(GOOD)) == (False, None)


def test_a_password_longer_than_may_be_chosen_is_not_even_compared() -> None:
    assert CHEAP.verify_now("x" * 129, CHEAP.hash_now("x" * 129)) == (False, None)


@pytest.mark.parametrize("tried", ["wrong " + GOOD, "\ud800" * 12, "x" * 129])
def test_an_unknown_person_costs_as_much_as_a_known_one(tried: str) -> None:
    hasher = PasswordHasher(time_cost=4, memory_kib=8 * 1024)
    stored = hasher.hash_now(GOOD)
    hasher.verify_now(GOOD, None)

    def seconds(of: str | None) -> float:
        start = time.thread_time()
        assert not hasher.verify_now(tried, of)[0]
        return time.thread_time() - start

    known, unknown = min(seconds(stored) for _ in range(5)), min(seconds(None) for _ in range(5))
    assert 0.5 < unknown / known < 2


# --- in a request --------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_new_password_is_checked_before_it_is_kept() -> None:
    stored = await CHEAP.hash(GOOD, about=["adaeze@northfield.example"])
    assert await CHEAP.verify(GOOD, stored) == (True, None)
    assert await CHEAP.verify(GOOD, None) == (False, None)
    with pytest.raises(PasswordTooWeak):
        await CHEAP.hash("password1234")


@pytest.mark.anyio
async def test_at_most_two_passwords_are_worked_on_at_once_and_the_service_goes_on_meanwhile() -> None:
    running, most, lock = 0, 0, threading.Lock()

    class Counting(PasswordHasher):
        def verify_now(self, *_: object) -> tuple[bool, str | None]:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with lock:
                running -= 1
            return False, None

    hasher, ticks = Counting(1, 8), 0
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(hasher.verify, GOOD, None)
        while ticks < 20:
            await anyio.sleep(0.001)
            ticks += 1
        assert running > 0
    assert most == 2


def test_a_printed_hasher_tells_its_costs_only() -> None:
    assert repr(CHEAP) == "PasswordHasher(time_cost=1, memory_kib=8)"
