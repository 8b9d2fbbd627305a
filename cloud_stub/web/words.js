"use strict";

// The words of the pages, in the languages a phone may ask for; English for any other. What a page says from the start
// stands in its HTML in English, what a refusal says in the server's answer. What a room or its box says by itself (its
// name, titles, reasons) comes as it is.
const WORDS = {
  en: {
    titleOf: "{name}: how does it sound?",
    part: "{percent} percent of the sound",
    nobody: "Nobody has checked in yet",
    onePerson: "1 person here",
    people: "{count} people here",
    offline: "The room’s box cannot be reached just now.",
    idle: "Silence, on purpose.",
    soon: "Nothing yet: the room is about to play.",
    noConnection: "No connection: trying again …",
    unsigned: "Please scan the sign in the room first: only people who are there can join.",
    failed: "That did not work: tap again.",
    failedLine: "No connection: tap again.",
    welcome: "Welcome! You count for the next hour.",
    ended: "Your stay has ended: tap “I’m here” first.",
    notPlaying: "Nothing has sounded in the last minute: try again when it plays.",
    held: "Thank you! It counts as soon as the room’s box is back.",
    thanksMore: "Thank you! The room moves a little your way.",
    thanksLess: "Thank you! The room moves away from this.",
    thanks: "Thank you! Noted.",
    goodbye: "Goodbye! You no longer count.",
    waiting: "Noted. The room has no internet just now: it is done as soon as it has, and you need not wait for it.",
    done: "Done. Your card and this phone are one person now.",
    nothing: "There is nothing to join here: tap your card in the room, then scan the code on its screen.",
  },
  de: {
    title: "Wie klingt dieser Raum?",
    titleOf: "{name}: Wie klingt es?",
    thisRoom: "Dieser Raum",
    imHere: "Ich bin da",
    enterHint: "Einmal tippen, dann sagen, wie es klingt. Der Klang folgt den Menschen im Raum. Ohne Namen, ohne "
      + "Konto.",
    rateTitle: "Wie klingt es für Sie?",
    vote1: "1 von 5: nichts für mich",
    vote2: "2 von 5: eher nicht",
    vote3: "3 von 5: in Ordnung",
    vote4: "4 von 5: gefällt mir",
    vote5: "5 von 5: wunderbar",
    notForMe: "nichts für mich",
    loveIt: "wunderbar",
    youHear: "Sie hören",
    whyTitle: "Warum es so klingt",
    part: "{percent} Prozent des Klangs",
    cardTitle: "Ihre Karte und dieses Telefon",
    codeHint: "Halten Sie Ihre Karte hier an das Lesegerät, drücken Sie auf dem Bildschirm die Taste für Ihr "
      + "Telefon und tippen Sie diese Ziffern binnen zehn Minuten ein.",
    leaving: "Ich gehe",
    haveCard: "Ich habe auch eine Karte",
    nobody: "Noch ist niemand eingetreten",
    onePerson: "1 Person hier",
    people: "{count} Personen hier",
    offline: "Das Gerät dieses Raums ist gerade nicht zu erreichen.",
    idle: "Stille, mit Absicht.",
    soon: "Noch nichts: Gleich spielt der Raum.",
    noConnection: "Keine Verbindung: Es wird weiter versucht …",
    unsigned: "Bitte scannen Sie zuerst das Schild im Raum: Nur wer da ist, kann mitmachen.",
    failed: "Das ging nicht: Bitte noch einmal tippen.",
    failedLine: "Keine Verbindung: Bitte noch einmal tippen.",
    welcome: "Willkommen! Sie zählen für die nächste Stunde.",
    ended: "Ihr Besuch ist vorbei: Tippen Sie zuerst auf „Ich bin da“.",
    notPlaying: "In der letzten Minute war nichts zu hören: Versuchen Sie es, wenn es spielt.",
    held: "Danke! Es zählt, sobald das Gerät des Raums wieder da ist.",
    thanksMore: "Danke! Der Raum kommt Ihnen ein wenig entgegen.",
    thanksLess: "Danke! Der Raum rückt davon ab.",
    thanks: "Danke! Ist vermerkt.",
    goodbye: "Auf Wiedersehen! Sie zählen nicht mehr.",
    offer: "Der Raum weiß von Ihrer Karte, was Sie gern hören. Soll auch dieses Telefon es wissen?",
    offerHint: "Von da an sind Karte und Telefon eine Person: Bewerten Sie mit beiden, beides zählt. Ohne Namen, "
      + "ohne Konto.",
    take: "Ja, verbinden",
    waiting: "Vermerkt. Der Raum hat gerade kein Internet: Es geschieht, sobald er es hat, und Sie brauchen nicht "
      + "zu warten.",
    done: "Fertig. Ihre Karte und dieses Telefon sind nun eine Person.",
    nothing: "Hier gibt es nichts zu verbinden: Halten Sie Ihre Karte im Raum an und scannen Sie den Code auf dem "
      + "Bildschirm.",
    goneTitle: "Hier ist kein Raum",
    goneText: "Dieser Link ist alt oder unvollständig. Scannen Sie den Code an der Wand noch einmal, oder fragen "
      + "Sie jemanden, der hier arbeitet.",
  },
  fr: {
    title: "Comment sonne cette salle ?",
    titleOf: "{name} : comment ça sonne ?",
    thisRoom: "Cette salle",
    imHere: "Je suis là",
    enterHint: "Touchez une fois, puis dites comment ça sonne. Le son suit les personnes présentes. Sans nom, sans "
      + "compte.",
    rateTitle: "Comment le trouvez-vous ?",
    vote1: "1 sur 5 : pas pour moi",
    vote2: "2 sur 5 : pas trop",
    vote3: "3 sur 5 : ça va",
    vote4: "4 sur 5 : j’aime bien",
    vote5: "5 sur 5 : j’adore",
    notForMe: "pas pour moi",
    loveIt: "j’adore",
    youHear: "Vous entendez",
    whyTitle: "Pourquoi ça sonne ainsi",
    part: "{percent} pour cent du son",
    cardTitle: "Votre carte et ce téléphone",
    codeHint: "Posez votre carte sur le lecteur, touchez « Emporter mes goûts sur mon téléphone » à l’écran, et "
      + "tapez ces chiffres dans les dix minutes.",
    leaving: "Je m’en vais",
    haveCard: "J’ai aussi une carte",
    nobody: "Personne n’est encore entré",
    onePerson: "1 personne ici",
    people: "{count} personnes ici",
    offline: "L’appareil de la salle ne répond pas pour l’instant.",
    idle: "Le silence, exprès.",
    soon: "Rien encore : la salle va jouer.",
    noConnection: "Pas de connexion : nouvel essai …",
    unsigned: "Scannez d’abord l’affiche dans la salle : seules les personnes présentes peuvent participer.",
    failed: "Cela n’a pas marché : touchez encore.",
    failedLine: "Pas de connexion : touchez encore.",
    welcome: "Bienvenue ! Vous comptez pour l’heure qui vient.",
    ended: "Votre visite est finie : touchez d’abord « Je suis là ».",
    notPlaying: "Rien n’a joué dans la dernière minute : réessayez quand ça joue.",
    held: "Merci ! Cela comptera dès que l’appareil de la salle sera de retour.",
    thanksMore: "Merci ! La salle vient un peu vers vous.",
    thanksLess: "Merci ! La salle s’en éloigne.",
    thanks: "Merci ! C’est noté.",
    goodbye: "Au revoir ! Vous ne comptez plus.",
    offer: "La salle sait par votre carte ce que vous aimez entendre. Ce téléphone doit-il le savoir aussi ?",
    offerHint: "Dès lors, carte et téléphone sont une personne : notez avec l’un ou l’autre, les deux comptent. "
      + "Sans nom, sans compte.",
    take: "Oui, les réunir",
    waiting: "C’est noté. La salle n’a pas Internet pour l’instant : ce sera fait dès qu’elle l’aura, sans que "
      + "vous attendiez.",
    done: "C’est fait. Votre carte et ce téléphone ne font plus qu’un.",
    nothing: "Il n’y a rien à réunir ici : posez votre carte dans la salle, puis scannez le code à l’écran.",
    goneTitle: "Il n’y a pas de salle ici",
    goneText: "Ce lien est ancien ou incomplet. Scannez encore le code au mur, ou demandez à quelqu’un qui "
      + "travaille ici.",
  },
  es: {
    title: "¿Cómo suena esta sala?",
    titleOf: "{name}: ¿cómo suena?",
    thisRoom: "Esta sala",
    imHere: "Estoy aquí",
    enterHint: "Toca una vez y di cómo suena. El sonido sigue a las personas de la sala. Sin nombre, sin cuenta.",
    rateTitle: "¿Cómo te suena?",
    vote1: "1 de 5: no es para mí",
    vote2: "2 de 5: más bien no",
    vote3: "3 de 5: está bien",
    vote4: "4 de 5: me gusta",
    vote5: "5 de 5: me encanta",
    notForMe: "no es para mí",
    loveIt: "me encanta",
    youHear: "Oyes",
    whyTitle: "Por qué suena así",
    part: "{percent} por ciento del sonido",
    cardTitle: "Tu tarjeta y este teléfono",
    codeHint: "Acerca tu tarjeta al lector, pulsa en la pantalla la tecla de tu teléfono y escribe estas cifras en "
      + "menos de diez minutos.",
    leaving: "Me voy",
    haveCard: "También tengo una tarjeta",
    nobody: "Aún no ha entrado nadie",
    onePerson: "1 persona aquí",
    people: "{count} personas aquí",
    offline: "El aparato de la sala no responde por ahora.",
    idle: "Silencio, a propósito.",
    soon: "Nada todavía: la sala está a punto de sonar.",
    noConnection: "Sin conexión: se intenta de nuevo …",
    unsigned: "Escanea primero el cartel de la sala: solo puede participar quien está allí.",
    failed: "No ha funcionado: toca otra vez.",
    failedLine: "Sin conexión: toca otra vez.",
    welcome: "¡Hola! Cuentas durante la próxima hora.",
    ended: "Tu visita ha terminado: toca primero «Estoy aquí».",
    notPlaying: "No ha sonado nada en el último minuto: inténtalo cuando suene.",
    held: "¡Gracias! Contará en cuanto vuelva el aparato de la sala.",
    thanksMore: "¡Gracias! La sala se acerca un poco a ti.",
    thanksLess: "¡Gracias! La sala se aleja de esto.",
    thanks: "¡Gracias! Anotado.",
    goodbye: "¡Adiós! Ya no cuentas.",
    offer: "La sala sabe por tu tarjeta lo que te gusta oír. ¿Lo sabrá también este teléfono?",
    offerHint: "Desde entonces tarjeta y teléfono son una persona: valora con cualquiera y ambos cuentan. Sin "
      + "nombre, sin cuenta.",
    take: "Sí, unirlos",
    waiting: "Anotado. La sala no tiene internet ahora: se hará en cuanto lo tenga y no hace falta que esperes.",
    done: "Hecho. Tu tarjeta y este teléfono son ahora una persona.",
    nothing: "Aquí no hay nada que unir: acerca tu tarjeta en la sala y escanea el código de su pantalla.",
    goneTitle: "Aquí no hay ninguna sala",
    goneText: "Este enlace es antiguo o está incompleto. Escanea otra vez el código de la pared o pregunta a quien "
      + "trabaja aquí.",
  },
};

// By the code of the answer.
const REFUSALS = {
  de: {
    used: "Das wurde schon benutzt: Halten Sie Ihre Karte an und holen Sie ein neues.",
    expired: "Das ist älter als zehn Minuten: Halten Sie Ihre Karte an und holen Sie ein neues.",
    two_accounts: "Diese Karte gehört schon zu einem anderen Telefon oder Konto.",
    unknown_card: "Diese Karte kennt noch niemand: Halten Sie sie zuerst in einem Raum an.",
    bad_card: "Die Adresse dieser Karte ist keine von uns: Halten Sie die Karte noch einmal an das Telefon.",
    too_often: "Das war zu oft: Versuchen Sie es in einer Weile.",
  },
  fr: {
    used: "Cela a déjà servi : posez votre carte et demandez-en un autre.",
    expired: "Cela a plus de dix minutes : posez votre carte et demandez-en un autre.",
    two_accounts: "Cette carte va déjà avec un autre téléphone ou compte.",
    unknown_card: "Cette carte n’a pas encore d’histoire : posez-la d’abord dans une salle.",
    bad_card: "L’adresse de cette carte n’est pas des nôtres : tenez encore la carte contre le téléphone.",
    too_often: "C’était trop souvent : réessayez dans un moment.",
  },
  es: {
    used: "Esto ya se ha usado: acerca tu tarjeta y pide otro.",
    expired: "Esto tiene más de diez minutos: acerca tu tarjeta y pide otro.",
    two_accounts: "Esta tarjeta va ya con otro teléfono o cuenta.",
    unknown_card: "Esta tarjeta aún no tiene historia: acércala primero en una sala.",
    bad_card: "La dirección de esta tarjeta no es nuestra: acerca otra vez la tarjeta al teléfono.",
    too_often: "Demasiadas veces: inténtalo dentro de un rato.",
  },
};

const asked = (navigator.languages || [navigator.language]).map((tag) => tag.slice(0, 2).toLowerCase());
const language = asked.find((code) => Object.hasOwn(WORDS, code)) || "en";

function word(key, values = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// What to say of an answer that is a refusal.
function refusal({ error, message }) {
  if (language !== "en") return REFUSALS[language][error] || word("failed");
  if (!message) return word("failed");
  return message.charAt(0).toUpperCase() + message.slice(1) + (message.endsWith(".") ? "" : ".");
}

if (language !== "en") {
  document.documentElement.lang = language;
  for (const part of document.querySelectorAll("[data-say]")) part.textContent = word(part.dataset.say);
  for (const part of document.querySelectorAll("[data-label]")) part.setAttribute("aria-label", word(part.dataset.label));
}
