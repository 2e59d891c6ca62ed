"""The lists people choose from: each code with the words of the charity and those of the NHS.

Lists whose codes are digits or capitals are the NHS Data Dictionary's (release of June 2026); the others are
our own, with the national code beside them where one exists.
"""

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """One entry of a list: what is stored, the charity's label, the NHS's, and the national code if any."""

    label: str
    nhs_label: str
    nhs_code: str | None

    def __new__(cls, code: str, label: str = "", nhs_label: str = "", nhs_code: str | None = None) -> Self:
        """Make one entry; without words of its own the NHS uses the charity's."""
        entry = str.__new__(cls, code)
        entry._value_ = code
        entry.label = label
        entry.nhs_label = nhs_label or label
        entry.nhs_code = nhs_code
        return entry


class NhsNumberStatus(Code):
    """How far an NHS number has been checked against the national register."""

    VERIFIED = "01", "Checked and right", "Number present and verified"
    NOT_TRACED = "02", "Given, not checked", "Number present but not traced"
    TRACE_REQUIRED = "03", "To be looked up", "Trace required"
    NO_SINGLE_MATCH = "04", "Looked up, no single match", "Trace attempted, no match or several"
    CONFLICT = "05", "Does not fit the person", "Trace to be resolved, conflict"
    IN_PROGRESS = "06", "Being looked up", "Trace in progress"
    NOT_REQUIRED = "07", "None, and none needed", "Number not present, trace not required"
    POSTPONED = "08", "Look-up put off", "Trace postponed"


class EthnicCategory(Code):
    """A person's ethnic background in their own view (the 2001 census list, still the NHS standard)."""

    WHITE_BRITISH = "A", "White British", "White - British"
    WHITE_IRISH = "B", "White Irish", "White - Irish"
    WHITE_OTHER = "C", "Another White background", "White - any other"
    MIXED_CARIBBEAN = "D", "White and Black Caribbean", "Mixed - White and Black Caribbean"
    MIXED_AFRICAN = "E", "White and Black African", "Mixed - White and Black African"
    MIXED_ASIAN = "F", "White and Asian", "Mixed - White and Asian"
    MIXED_OTHER = "G", "Another mixed background", "Mixed - any other"
    INDIAN = "H", "Indian", "Asian or Asian British - Indian"
    PAKISTANI = "J", "Pakistani", "Asian or Asian British - Pakistani"
    BANGLADESHI = "K", "Bangladeshi", "Asian or Asian British - Bangladeshi"
    ASIAN_OTHER = "L", "Another Asian background", "Asian or Asian British - any other"
    CARIBBEAN = "M", "Caribbean", "Black or Black British - Caribbean"
    AFRICAN = "N", "African", "Black or Black British - African"
    BLACK_OTHER = "P", "Another Black background", "Black or Black British - any other"
    CHINESE = "R", "Chinese", "Other - Chinese"
    OTHER = "S", "Another ethnic group", "Other - any other ethnic group"
    NOT_STATED = "Z", "Prefers not to say", "Not stated"
    NOT_KNOWN = "99", "Not asked or not known", "Not known"


class GenderIdentity(Code):
    """A person's gender in their own words' nearest code."""

    MALE = "1", "Man, trans men included", "Male (including trans man)"
    FEMALE = "2", "Woman, trans women included", "Female (including trans woman)"
    NON_BINARY = "3", "Non-binary"
    OTHER = "4", "In another way", "Other (not listed)"
    NOT_KNOWN = "X", "Not asked or not known", "Not known"
    NOT_STATED = "Z", "Prefers not to say", "Not stated"


class StatedGender(Code):
    """The gender a person states for their records."""

    MALE = "1", "Male"
    FEMALE = "2", "Female"
    INDETERMINATE = "9", "Neither male nor female", "Indeterminate"
    NOT_KNOWN = "X", "Not asked or not known", "Not known"


class AttendanceCode(Code):
    """What became of an appointment; a session held is 5 or 6, a no-show 3, and 7 counts with it."""

    ON_TIME = "5", "Came on time", "Attended on time"
    LATE_SEEN = "6", "Came late, session held", "Attended late, seen"
    LATE_NOT_SEEN = "7", "Came too late for the session", "Attended late, not seen"
    CANCELLED_BY_MENTEE = "2", "Mentee cancelled", "Cancelled by or for the patient"
    DID_NOT_ATTEND = "3", "No-show", "Did not attend, no warning given (DNA)"
    CANCELLED_BY_SERVICE = "4", "Mentor or charity cancelled", "Cancelled by the provider"
    IN_FUTURE = "0", "Still to come", "Not applicable, in the future"


class ConsultationMechanism(Code):
    """The way in which two people met or wrote, as the NHS records it."""

    FACE_TO_FACE = "01", "In person", "Face to face"
    TELEPHONE = "02", "By telephone", "Telephone"
    TALK_TYPE = "04", "By text relay", "Talk type for a person unable to speak"
    EMAIL = "05", "By e-mail", "E-mail"
    TEXT = "09", "By text message", "Text message, asynchronous"
    INSTANT_MESSAGE = "10", "By instant message", "Instant messaging, synchronous"
    VIDEO = "11", "By video call", "Video consultation"
    MESSAGE_BOARD = "12", "On a message board", "Message board, asynchronous"
    CHAT_ROOM = "13", "In a chat room", "Chat room, synchronous"
    OTHER = "98", "In another way", "Other"


class MeetingMode(Code):
    """How a mentor and a mentee meet, with the NHS consultation mechanism it counts as."""

    FACE_TO_FACE = "face_to_face", "In person", "Face to face", "01"
    TELEPHONE = "telephone", "By telephone", "Telephone", "02"
    VIDEO = "video", "By video call", "Video consultation", "11"
    TEXT = "text", "By text message", "Text message, asynchronous", "09"


class Weekday(Code):
    """A day of the week, as slots name it."""

    MONDAY = "monday", "Monday"
    TUESDAY = "tuesday", "Tuesday"
    WEDNESDAY = "wednesday", "Wednesday"
    THURSDAY = "thursday", "Thursday"
    FRIDAY = "friday", "Friday"
    SATURDAY = "saturday", "Saturday"
    SUNDAY = "sunday", "Sunday"


class Circumstance(Code):
    """What life is like, where it helps that a mentor knows it from the own; nothing of health or belief."""

    WORKS = "works", "In work", "Employed"
    SHIFT_WORK = "shift_work", "Works shifts", "Shift worker"
    CARES_FOR_SOMEBODY = "cares_for_somebody", "Cares for somebody", "Carer"
    YOUNG_CHILDREN = "young_children", "Has young children", "Parent of young children"
    LIVES_ALONE = "lives_alone", "Lives alone"
    RETIRED = "retired", "Retired"
    LOOKS_FOR_WORK = "looks_for_work", "Looks for work", "Unemployed"


class DisabilityCode(Code):
    """An area of life in which a person feels disabled."""

    BEHAVIOUR = "01", "Feelings and behaviour", "Behaviour and emotional"
    HEARING = "02", "Hearing"
    DEXTERITY = "03", "Use of the hands", "Manual dexterity"
    LEARNING = "04", "Memory and learning", "Memory, concentration, learning, understanding"
    MOBILITY = "05", "Getting about", "Mobility and gross motor"
    DANGER = "06", "Noticing danger", "Perception of physical danger"
    SELF_CARE = "07", "Looking after oneself", "Personal, self care and continence"
    PROGRESSIVE = "08", "A lasting or worsening illness", "Progressive conditions and physical health"
    SIGHT = "09", "Sight"
    SPEECH = "10", "Speech"
    OTHER = "XX", "Something else", "Other"
    NONE = "NN", "No disability"
    NOT_STATED = "ZZ", "Prefers not to say", "Not stated"


class ReferralSource(Code):
    """Who introduced the person."""

    GP = "gp", "GP", "General practitioner"
    NURSE = "nurse", "Practice or community nurse", "Nurse"
    LINK_WORKER = "link_worker", "Link worker", "Social prescriber"
    COMMUNITY_DIABETES_TEAM = "community_diabetes_team", "Community diabetes team"
    HOSPITAL = "hospital", "Hospital", "Secondary care"
    STRUCTURED_EDUCATION = "structured_education", "Diabetes course", "Structured education provider"
    PHARMACY = "pharmacy", "Pharmacy", "Community pharmacy"
    VCSE = "vcse", "Another charity or group", "VCSE organisation"
    SELF = "self", "The person themselves", "Self-referral"
    FAMILY = "family", "Family or friend", "Relative or carer"
    OTHER = "other", "Somebody else", "Other source"


class ReferralReason(Code):
    """Why support is asked for."""

    NEWLY_DIAGNOSED = "newly_diagnosed", "Told of the diagnosis lately", "Newly diagnosed"
    STRUGGLING_TO_MANAGE = "struggling_to_manage", "Finds it hard to manage", "Poorly managed condition"
    ADVISED_LIFESTYLE_CHANGE = "advised_lifestyle_change", "Told to change habits", "Lifestyle advice given"
    CHANGE_OF_TREATMENT = "change_of_treatment", "Starting or changing treatment", "Change of treatment"
    LOW_CONFIDENCE = "low_confidence", "Little confidence in managing it", "Low activation"
    ISOLATION = "isolation", "Feels alone with it", "Social isolation"
    OTHER = "other", "Another reason"


class Barrier(Code):
    """What stands in the way of following advice, as the person sees it; asked again at the ending."""

    TRANSPORT = "transport", "Getting to places", "Transport"
    COST_OF_FOOD = "cost_of_food", "Price of good food", "Food affordability"
    WORK_OR_CARING = "work_or_caring", "Work, or caring for somebody", "Work or caring responsibilities"
    LANGUAGE = "language", "Language"
    LOW_MOOD = "low_mood", "Feeling low or worried", "Low mood or anxiety"
    PAIN_OR_MOBILITY = "pain_or_mobility", "Pain, or trouble moving", "Pain or reduced mobility"
    FAMILY_SUPPORT = "family_support", "Little help at home", "Lack of family support"
    FOOD_KNOWLEDGE = "food_knowledge", "Knowing what to eat and cook", "Nutrition knowledge"
    FEAR_OF_INJECTING = "fear_of_injecting", "Fear of needles", "Injection anxiety"
    STIGMA = "stigma", "Shame, or what others think", "Stigma"
    DIGITAL = "digital", "Phone, computer or internet", "Digital exclusion"
    OTHER = "other", "Something else", "Other barrier"


class EndingReason(Code):
    """Why support or a match came to its end."""

    COMPLETED_PLANNED = "completed_planned", "Finished as planned", "Completed as planned"
    GOALS_MET_EARLY = "goals_met_early", "Goals reached early", "Completed early, goals met"
    MENTEE_WITHDREW = "mentee_withdrew", "Mentee chose to stop", "Patient withdrew"
    MENTOR_WITHDREW = "mentor_withdrew", "Mentor asked to stop", "Allocation ended by peer supporter"
    MENTOR_LEFT = "mentor_left", "Mentor left the charity", "Peer supporter left the service"
    MOVED_AWAY = "moved_away", "Moved away", "Moved out of area"
    HEALTH = "health", "Too unwell to go on", "Health reasons"
    NO_CONTACT = "no_contact", "Could not be reached any more", "Lost to follow-up"
    MISMATCH = "mismatch", "The two did not suit each other", "Allocation unsuitable"
    SAFEGUARDING = "safeguarding", "Ended to keep somebody safe", "Safeguarding"
    DIED = "died", "Died", "Deceased"
    SERVICE_ENDED = "service_ended", "The service closed", "Service decommissioned"
    OTHER = "other", "Another reason"


class DeclineReason(Code):
    """Why a referral was not taken on, with the NHS referral rejection reason where there is one."""

    DUPLICATE = "duplicate", "Already introduced", "Duplicate referral", "01"
    INAPPROPRIATE = "inappropriate", "Not for this service", "Inappropriate referral", "02"
    INCOMPLETE = "incomplete", "Something needed is missing", "Incomplete referral", "03"
    NOT_ELIGIBLE = "not_eligible", "Outside the programme's rules", "Not eligible", "02"
    DECLINED_BY_PERSON = "declined_by_person", "The person does not want it", "Declined by patient"
    NOT_CONTACTABLE = "not_contactable", "Could not be reached", "Unable to contact patient"
    OTHER = "other", "Another reason"


class Treatment(Code):
    """How type 2 diabetes is treated; a person may have several."""

    DIET_ONLY = "diet_only", "Food and activity only", "Diet and lifestyle only"
    TABLETS = "tablets", "Tablets", "Oral glucose-lowering medication"
    NON_INSULIN_INJECTABLE = (
        "non_insulin_injectable",
        "Injections other than insulin",
        "Non-insulin injectable",
    )
    INSULIN = "insulin", "Insulin", "Insulin therapy"


class TrainingModule(Code):
    """What a mentor learns before the first match."""

    MENTORING = "mentoring", "Mentoring", "Peer support skills"
    MOTIVATIONAL_INTERVIEWING = (
        "motivational_interviewing",
        "Talking about change",
        "Motivational interviewing",
    )
    GOAL_SETTING = "goal_setting", "Setting goals", "Goal setting"
    ACTION_PLANNING = "action_planning", "Planning small steps", "Action planning"
    BOUNDARIES = "boundaries", "Keeping boundaries", "Professional boundaries"
    CONFIDENTIALITY = "confidentiality", "Keeping things private", "Information governance"
    SAFEGUARDING = "safeguarding", "Keeping people safe", "Safeguarding adults"


class CommunicationNeed(Code):
    """A need to be met under the Accessible Information Standard; `nhs_label` begins with its group there."""

    NO_TELEPHONE = "no_telephone", "No phone calls", "Contact method: not by telephone"
    BY_TEXT = "by_text", "Contact by text message", "Contact method: text message"
    BY_EMAIL = "by_email", "Contact by e-mail", "Contact method: e-mail"
    BY_LETTER = "by_letter", "Contact by letter", "Contact method: letter"
    TEXT_RELAY = "text_relay", "Calls by text relay", "Contact method: text relay"
    LARGE_PRINT = "large_print", "Large print", "Information format: large print"
    EASY_READ = "easy_read", "Easy words and pictures", "Information format: easy read"
    BRAILLE = "braille", "Braille", "Information format: braille"
    AUDIO = "audio", "Recorded sound", "Information format: audio"
    BSL_INTERPRETER = "bsl_interpreter", "Sign language", "Communication professional: BSL interpreter"
    LIPSPEAKER = "lipspeaker", "Lipspeaker", "Communication professional: lipspeaker"
    SPEECH_TO_TEXT = "speech_to_text", "Speech typed live", "Communication professional: reporter"
    ADVOCATE = "advocate", "Somebody to speak up", "Communication professional: advocate"
    LIPREADS = "lipreads", "Reads lips: face them, good light", "Communication support: lipreading"
    HEARING_LOOP = "hearing_loop", "Hearing loop", "Communication support: hearing loop"
    MORE_TIME = "more_time", "More time to talk", "Communication support: longer appointment"
    COMMUNICATION_AID = "communication_aid", "Communication aid", "Communication support: aid or device"
    SUPPORTER = "supporter", "Brings somebody to help", "Communication support: supporter present"


class AgreementItem(Code):
    """What an information sharing agreement may allow to pass between two organisations."""

    DEMOGRAPHICS = "demographics", "Name, birth date, gender, background", "Demographics"
    CONTACT_DETAILS = "contact_details", "Address, phone, e-mail", "Contact details"
    NHS_NUMBER = "nhs_number", "NHS number"
    REFERRAL = "referral", "Why support is asked for", "Referral request"
    NEEDS = "needs", "What the person needs in a meeting", "Communication and access needs"
    RISKS = "risks", "What to be careful about", "Risk flags"
    REFERRAL_STATUS = "referral_status", "What became of the introduction", "Referral outcome"
    ATTENDANCE = "attendance", "Which sessions took place", "Attendance"
    GOALS = "goals", "Goals and how they went", "Goals and progress"
    PAM = "pam", "Activation level and score", "PAM level and score"
    ENDING = "ending", "How support ended", "Discharge summary"
    STATISTICS = "statistics", "Figures about groups", "Aggregate outcomes"


CODE_LISTS: tuple[type[Code], ...] = tuple(Code.__subclasses__())
