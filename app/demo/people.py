"""Made-up people with NHS numbers of the range that is never issued (999 …); any likeness is chance."""

import random
from typing import Any

GIVEN = [
    "Amina",
    "Asha",
    "Brenda",
    "Carol",
    "Daljit",
    "Elaine",
    "Fatima",
    "Gwen",
    "Hodan",
    "Irene",
    "Joyce",
    "Khadija",
    "Leela",
    "Maureen",
    "Nasreen",
    "Olive",
    "Pauline",
    "Ruby",
    "Sheila",
    "Yvonne",
    "Abdi",
    "Brian",
    "Colin",
    "Desmond",
    "Errol",
    "Farid",
    "Gurpreet",
    "Harold",
    "Imran",
    "Jim",
    "Keith",
    "Leroy",
    "Mohamed",
    "Neville",
    "Omar",
    "Paul",
    "Ravi",
    "Stan",
    "Terry",
    "Winston",
]
FAMILY = [
    "Adams",
    "Ahmed",
    "Begum",
    "Bennett",
    "Campbell",
    "Clarke",
    "Davies",
    "Edwards",
    "Farah",
    "Francis",
    "Gill",
    "Green",
    "Hassan",
    "Hughes",
    "Iqbal",
    "James",
    "Kaur",
    "Khan",
    "Lewis",
    "Malik",
    "Miller",
    "Morris",
    "Nur",
    "Osman",
    "Parker",
    "Patel",
    "Price",
    "Rahman",
    "Reid",
    "Roberts",
    "Shah",
    "Singh",
    "Smith",
    "Taylor",
    "Thomas",
    "Turner",
    "Warsame",
    "White",
    "Williams",
    "Wood",
]
MENTORS = [
    "Ade",
    "Bev",
    "Clive",
    "Dot",
    "Ewan",
    "Faye",
    "Gita",
    "Hamid",
    "Ines",
    "Joan",
    "Karim",
    "Lorna",
    "Mo",
    "Nell",
    "Owen",
    "Pat",
    "Rose",
    "Sid",
    "Tess",
    "Viv",
]
STATEMENTS = (
    ("food", "Cook at home four evenings a week"),
    ("activity", "Walk to the shops and back three times a week"),
    ("monitoring", "Check blood sugar every morning and write it down"),
    ("medication", "Take tablets with breakfast every day"),
    ("sleep_and_stress", "Be in bed by eleven on weekdays"),
    ("appointments", "Go to the eye screening that was put off"),
    ("social", "Join the Thursday group at the library"),
)
PLACES = (
    "Café Kino",
    "Easton Community Centre",
    "Bristol Central Library",
    "Windmill Hill City Farm",
    "The Park Centre",
)
BARRIERS = ("food_knowledge", "low_mood", "work_or_caring", "cost_of_food", "pain_or_mobility", "transport")


def nhs_number(draw: random.Random) -> str:
    """Ten digits from 999 on, with a right check digit (modulus 11)."""
    while True:
        digits = "999" + "".join(str(draw.randrange(10)) for _ in range(6))
        check = (11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits))) % 11
        if check < 10:
            return f"{digits}{check}"


def patient(draw: random.Random, number: int) -> dict[str, Any]:
    """A person as a practice would refer them; the mix follows the national register of type 2 diabetes."""
    given, family = GIVEN[number % len(GIVEN)], FAMILY[(number * 7 + 3) % len(FAMILY)]
    age = max(24, min(88, round(draw.gauss(66, 12))))
    ethnic = draw.choices("AHJKMNZ", weights=(80, 3, 3, 2, 4, 4, 4))[0]
    return {
        "given_name": given,
        "family_name": family,
        "nhs_number": nhs_number(draw),
        "nhs_number_status": "01",
        "birth_date": f"{2025 - age}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}",
        "stated_gender": "2" if number % len(GIVEN) < 20 else "1",
        "ethnic_category": ethnic,
        "language": "so" if ethnic == "N" and draw.random() < 0.5 else "en",
        "postcode": f"BS{draw.choice((1, 2, 3, 5, 6, 7, 16))} {draw.randrange(1, 10)}{_two_letters(draw)}",
        "phone": f"07700 900{draw.randrange(1000):03d}",
    }


def _two_letters(draw: random.Random) -> str:
    return "".join(draw.choices("ABDEFGH", k=2))
