"""Every word the screen says, in the languages of `box.language`."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# The client's own font draws these (looked at, one by one where a range has gaps). Anything else would be an empty
# box, and the client would ask for a font that is not there at each redraw.
_DRAWN = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x1A0, 0x1A1), (0x1AF, 0x1B0), (0x1FA, 0x1FF), (0x218, 0x21B), (0x384, 0x3CE),
    (0x400, 0x481), (0x48A, 0x507), (0x1EA0, 0x1EF9), (0x2013, 0x2014), (0x2018, 0x201E), (0x2020, 0x2022),
)  # fmt: skip
_DRAWN_TOO = frozenset("…‰‹›⁄€™−≈≤≥")
_INSTEAD = str.maketrans("→←↑↓‐‑‒―\n\t", "›‹+−--–—  ")


@lru_cache(maxsize=256)
def drawable(text: str) -> str:
    """The text in letters the screen can draw; what it cannot is left out."""
    plain = unicodedata.normalize("NFC", text).translate(_INSTEAD)
    return " ".join("".join(letter for letter in plain if _is_drawn(letter)).split())


def _is_drawn(letter: str) -> bool:
    return letter in _DRAWN_TOO or any(low <= ord(letter) <= high for low, high in _DRAWN)


@dataclass(frozen=True, slots=True)
class Texts:
    """One language. `{name}`, `{count}` and the like are filled in with `format`."""

    tap_your_card: str
    tap_explained: str
    tap_to_join: str
    now_playing: str
    here_one: str
    here_many: str
    here_more: str
    untitled: str
    nothing_playing: str
    sound_starting: str
    sound_muted: str
    sound_hushed: str
    sound_alone: str
    reader_away: str
    no_cards: str
    no_cards_detail: str
    no_way_in: str
    no_way_in_detail: str
    welcome_back: str
    welcome_new: str
    still_here: str
    new_explained: str
    mix_follows: str
    rate_this: str
    goodbye: str
    goodbye_detail: str
    phone: str
    phone_detail: str
    card_refused: str
    card_refused_detail: str
    tap_lost: str
    tap_lost_detail: str
    cards_only: str
    cards_only_detail: str
    once_more: str
    once_more_detail: str
    thanks: str
    thanks_liked: str
    thanks_neutral: str
    thanks_disliked: str
    faces: tuple[str, str, str, str, str]
    tap_first: str
    staff: str
    back: str
    enter_pin: str
    pin_ok: str
    pin_clear: str
    pin_wrong: str
    pin_tries: str
    pin_wait: str
    master: str
    mute_all: str
    unmute_all: str
    hush: str
    hush_off: str
    held: str
    let_go: str
    let_go_all: str
    strip: str
    fader: str
    mute: str
    unmute: str
    off: str
    empty_strips: str
    link_up: str
    link_down: str
    link_none: str
    waiting: str
    dropouts: str
    not_stored: str
    keep: str
    keep_title: str
    keep_scan: str
    keep_type: str
    keep_asking: str
    keep_done: str
    keep_wrong: str
    keep_other: str
    keep_needs_cloud: str
    keep_enough: str
    songs: str
    songs_hint: str
    coming_next: str
    nothing_next: str
    not_here_yet: str
    set_by_staff: str
    nothing_set: str
    choices: str
    close: str
    soundscape: str
    instrumental: str
    leaving: str
    time_left: str
    word_left: str
    solo: str
    solo_hint: str
    solo_end: str
    solo_on: str
    pin: str
    pin_hint: str
    pin_hint_piece: str
    pin_said: str
    pin_stands: str
    pin_lift: str
    skip: str
    skip_hint: str
    skip_said: str
    skip_stands: str
    skip_lift: str
    ban: str
    ban_hint: str
    ban_said: str
    ban_stands: str
    ban_lift: str
    place: str
    place_hint: str
    place_said: str
    place_stands: str
    place_lift: str
    lifted_said: str
    undo: str
    undone: str


ENGLISH = Texts(
    tap_your_card="Tap your card",
    tap_explained="The music follows the people in this room. Come in, and it follows you too.",
    tap_to_join="Tap your card to join; tap again when you leave",
    now_playing="Playing now",
    here_one="person here",
    here_many="people here",
    here_more="and {count} more",
    untitled="Untitled",
    nothing_playing="It is quiet just now",
    sound_starting="The sound is starting",
    sound_muted="Staff have switched the sound off for a moment",
    sound_hushed="A quiet moment: the music is turned down",
    sound_alone="Staff are listening to one sound alone for a moment",
    reader_away="The card reader is not answering. Please tell the staff",
    no_cards="Join with your phone",
    no_cards_detail="Scan the sign in this room: the card reader is not answering. Please tell the staff.",
    no_way_in="Please tell the staff",
    no_way_in_detail="The card reader is not answering. The music plays on.",
    welcome_back="Welcome back, {name}",
    welcome_new="Nice to meet you, {name}",
    still_here="You are in, {name}",
    new_explained="That is your name here. Each rating teaches the room your taste.",
    mix_follows="The music now follows you too.",
    rate_this="How do you like what you hear?",
    goodbye="{name}, see you soon",
    goodbye_detail="You are checked out. Thank you for listening.",
    phone="With a phone, scan the sign",
    phone_detail="It hangs in this room and has a square code. Or tap a card here.",
    card_refused="Please take another card",
    card_refused_detail="This one carries the writing of another. Please ask the staff.",
    tap_lost="That tap did not count",
    tap_lost_detail="This box could not write it down. Please tell the staff.",
    cards_only="Please tap a card",
    cards_only_detail="Any contactless card will do. A phone is not known again.",
    once_more="Once more, please",
    once_more_detail="Hold the card still on the reader until you hear it.",
    thanks="Thank you, {name}",
    thanks_liked="More like this when you are here.",
    thanks_neutral="Noted.",
    thanks_disliked="Less of this when you are here.",
    faces=("Not at all", "Not much", "It is fine", "I like it", "I love it"),
    tap_first="Tap your card first, then choose a face",
    staff="Staff",
    back="Back",
    enter_pin="Staff PIN",
    pin_ok="Enter",
    pin_clear="Clear",
    pin_wrong="That is not the PIN",
    pin_tries="{count} tries left",
    pin_wait="Wait {time}, then try again",
    master="Master",
    mute_all="Mute all",
    unmute_all="Unmute",
    hush="Hush",
    hush_off="End hush",
    held="staff",
    let_go="let go",
    let_go_all="Let go all",
    strip="Strip {number}",
    fader="Level of {title}",
    mute="Mute {title}",
    unmute="Unmute {title}",
    off="off",
    empty_strips="Nothing is playing",
    link_up="Cloud connected",
    link_down="Cloud away",
    link_none="No cloud",
    waiting="{count} waiting",
    dropouts="{count} dropouts",
    not_stored="That was not stored. Please try again",
    keep="Take my taste to my phone",
    keep_title="{name}, take your taste along",
    keep_scan="Scan this with your phone. It works once, for ten minutes.",
    keep_type="Or type the six digits your phone shows",
    keep_asking="Asking …",
    keep_done="Done: your card and your phone are one",
    keep_wrong="That is not the code. Ask your phone for a new one",
    keep_other="This card goes with another phone already",
    keep_needs_cloud="Codes need the internet, which is away. Scan instead",
    keep_enough="Enough tries for now. Tap your card again later",
    songs="Songs",
    songs_hint="Touch a song to keep it, skip it or ban it",
    coming_next="Coming next",
    nothing_next="Nothing is waiting",
    not_here_yet="its file is still on its way",
    set_by_staff="Set by staff",
    nothing_set="Nothing. The room chooses by itself",
    choices="Choices for {title}",
    close="Close",
    soundscape="Soundscape",
    instrumental="Music",
    leaving="leaving",
    time_left="{time} left",
    word_left="{word} · {time} left",
    solo="Hear only this",
    solo_hint="for one minute",
    solo_end="Hear all again",
    solo_on="You hear only {title}",
    pin="Keep",
    pin_hint="until you let it go",
    pin_hint_piece="comes again until you let it go",
    pin_said="{title} is kept",
    pin_stands="Kept by staff",
    pin_lift="Let it go",
    skip="Skip",
    skip_hint="for two hours",
    skip_said="{title} is skipped for two hours",
    skip_stands="Skipped by staff",
    skip_lift="Bring back",
    ban="Never again",
    ban_hint="until you allow it",
    ban_said="{title} is never played here again",
    ban_stands="Banned by staff",
    ban_lift="Allow again",
    place="Play next",
    place_hint="first in line for an hour",
    place_said="{title} is first in line",
    place_stands="Placed by staff",
    place_lift="Let it go",
    lifted_said="{title}: the room chooses again",
    undo="Undo",
    undone="{title} is as it was",
)

FRENCH = Texts(
    tap_your_card="Posez votre carte",
    tap_explained="La musique suit les personnes présentes. Entrez, et elle vous suivra aussi.",
    tap_to_join="Posez votre carte en arrivant, puis en partant",
    now_playing="En ce moment",
    here_one="personne ici",
    here_many="personnes ici",
    here_more="et {count} de plus",
    untitled="Sans titre",
    nothing_playing="Tout est calme pour l’instant",
    sound_starting="Le son démarre",
    sound_muted="L’équipe a coupé le son un moment",
    sound_hushed="Un moment calme : la musique est baissée",
    sound_alone="L’équipe écoute un seul son pour un moment",
    reader_away="Le lecteur de cartes ne répond pas. Merci de prévenir l’équipe",
    no_cards="Participez par téléphone",
    no_cards_detail="Scannez l’affiche de la salle : le lecteur de cartes ne répond pas. Merci de prévenir l’équipe.",
    no_way_in="Merci de prévenir l’équipe",
    no_way_in_detail="Le lecteur de cartes ne répond pas. La musique continue.",
    welcome_back="Rebonjour, {name}",
    welcome_new="Enchanté, {name}",
    still_here="Vous êtes là, {name}",
    new_explained="C’est votre nom ici. Chaque avis apprend vos goûts à la salle.",
    mix_follows="La musique vous suit maintenant aussi.",
    rate_this="Aimez-vous ce que vous entendez ?",
    goodbye="{name}, à bientôt",
    goodbye_detail="Votre départ est noté. Merci de votre écoute.",
    phone="Par téléphone, scannez l’affiche",
    phone_detail="Elle est dans la salle, avec un code carré. Ou posez une carte ici.",
    card_refused="Prenez une autre carte",
    card_refused_detail="Celle-ci porte l’écriture d’une autre. Voyez l’équipe.",
    tap_lost="Rien n’a été compté",
    tap_lost_detail="La machine n’a pas pu l’écrire. Merci de prévenir l’équipe.",
    cards_only="Posez plutôt une carte",
    cards_only_detail="Toute carte sans contact convient. Un téléphone n’est pas reconnu.",
    once_more="Encore une fois, merci",
    once_more_detail="Laissez la carte sur le lecteur jusqu’au signal.",
    thanks="Merci, {name}",
    thanks_liked="Plus de sons comme ça quand vous êtes là.",
    thanks_neutral="C’est noté.",
    thanks_disliked="Moins de sons comme ça quand vous êtes là.",
    faces=("Pas du tout", "Pas trop", "Ça va", "J’aime bien", "J’adore"),
    tap_first="Posez d’abord votre carte, puis choisissez un visage",
    staff="Équipe",
    back="Retour",
    enter_pin="Code de l’équipe",
    pin_ok="Valider",
    pin_clear="Effacer",
    pin_wrong="Ce n’est pas le bon code",
    pin_tries="Encore {count} essais",
    pin_wait="Attendez {time}, puis réessayez",
    master="Général",
    mute_all="Couper",
    unmute_all="Rétablir",
    hush="Baisser",
    hush_off="Remonter",
    held="équipe",
    let_go="rendre",
    let_go_all="Tout rendre",
    strip="Voie {number}",
    fader="Niveau de {title}",
    mute="Couper {title}",
    unmute="Rétablir {title}",
    off="coupé",
    empty_strips="Rien ne joue",
    link_up="Nuage connecté",
    link_down="Nuage absent",
    link_none="Sans nuage",
    waiting="{count} en attente",
    dropouts="{count} coupures",
    not_stored="Rien n’a été enregistré. Réessayez",
    keep="Emporter mes goûts sur mon téléphone",
    keep_title="{name}, emportez vos goûts",
    keep_scan="Scannez ceci avec votre téléphone. Valable une fois, dix minutes.",
    keep_type="Ou tapez les six chiffres affichés par votre téléphone",
    keep_asking="Vérification …",
    keep_done="C’est fait : votre carte et votre téléphone ne font qu’un",
    keep_wrong="Ce n’est pas le code. Demandez-en un autre à votre téléphone",
    keep_other="Cette carte va déjà avec un autre téléphone",
    keep_needs_cloud="Les codes demandent Internet, qui est absent. Scannez plutôt",
    keep_enough="Assez d’essais pour l’instant. Reposez votre carte plus tard",
    songs="Titres",
    songs_hint="Touchez un titre pour le garder, le passer ou l’exclure",
    coming_next="À suivre",
    nothing_next="Rien n’attend",
    not_here_yet="son fichier est en route",
    set_by_staff="Décidé par l’équipe",
    nothing_set="Rien. La salle choisit d’elle-même",
    choices="Choix pour {title}",
    close="Fermer",
    soundscape="Ambiance",
    instrumental="Musique",
    leaving="s’en va",
    time_left="encore {time}",
    word_left="{word} · {time}",
    solo="N’entendre que lui",
    solo_hint="pendant une minute",
    solo_end="Tout entendre",
    solo_on="Vous n’entendez que {title}",
    pin="Garder",
    pin_hint="jusqu’à nouvel ordre",
    pin_hint_piece="revient jusqu’à nouvel ordre",
    pin_said="{title} est gardé",
    pin_stands="Gardé par l’équipe",
    pin_lift="Rendre",
    skip="Passer",
    skip_hint="pendant deux heures",
    skip_said="{title} est écarté pour deux heures",
    skip_stands="Écarté par l’équipe",
    skip_lift="Rappeler",
    ban="Plus jamais",
    ban_hint="jusqu’à nouvel ordre",
    ban_said="{title} ne sera plus joué ici",
    ban_stands="Exclu par l’équipe",
    ban_lift="Admettre",
    place="Jouer ensuite",
    place_hint="premier en file pour une heure",
    place_said="{title} est premier en file",
    place_stands="Placé par l’équipe",
    place_lift="Rendre",
    lifted_said="{title} : la salle choisit de nouveau",
    undo="Annuler",
    undone="{title} est comme avant",
)


def texts_for(language: str) -> Texts:
    """The words of a `box.language`; English for one we do not speak."""
    return {"en": ENGLISH, "fr": FRENCH}.get(language, ENGLISH)
