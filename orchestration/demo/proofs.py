"""Decides what proof a deal brings to a gate, and leaves the records of it. No move is decided here."""

from typing import Any

import numpy as np

from orchestration.demo import company
from orchestration.demo.calendar import Floats
from orchestration.demo.columns import Bools, Ints
from orchestration.demo.log import DAY, NEVER, NO, NOTHING, WORDS, YES, Life


def prove(life: Life, at: Ints, left: Floats, to: Ints, advances: Bools) -> None:
    """Decide for each proof whether it comes in time, late, not good enough, or never; pass the gates."""
    rng, deals = life.rng, life.deals
    stage, entered = deals.stage[at], deals.entered[at]
    for number, proof in enumerate(company.PROOFS):
        crossing = advances & (stage <= proof.gate) & (to > proof.gate)
        relevant = crossing | (stage == proof.gate)
        open_question = np.flatnonzero(relevant & (deals.proven_at[at, number] > left))
        asked = at[open_question]
        is_crossing = crossing[open_question]
        log_odds = proof.ease + deals.diligence[asked]
        if life.worsening:
            log_odds = log_odds - life.worsening.from_then(left[open_question], life.worsening.change.less_proof)
        chance = 1 / (1 + np.exp(-log_odds))
        # A deal that stays short of the gate has had less reason to gather its proof; one that skips the stage
        # has had less occasion.
        chance *= np.where(is_crossing, np.where(stage[open_question] < proof.gate, 0.75, 1.0), 0.45)
        begin, end = entered[open_question], left[open_question]
        # The proof of a stage is asked for early in it, though the stage may drag on.
        within = begin + rng.uniform(0.1, 0.95, asked.size) * np.minimum(end - begin, 60.0)
        drawn = rng.random(asked.size)
        in_time = drawn < chance
        rest = (drawn - chance) / (1 - chance)
        late = ~in_time & is_crossing & (rest < 0.25)
        poor = ~in_time & (rest >= 0.25) & (rest < 0.60)
        proven = in_time | late
        times = np.where(late, end + rng.uniform(3, 28, asked.size), within)
        # A close waits for nobody: what comes late comes while the deal is still open, or not at all.
        times = np.where(late & (to[open_question] == company.WON), NEVER, times)
        proven &= times < NEVER
        deals.proven_at[asked[proven], number] = np.minimum(deals.proven_at[asked[proven], number], times[proven])
        tell_proof(life, asked[proven], times[proven], number)
        _tell_poor_proof(life, asked[poor], within[poor], number)
        deals.is_crossed[at[crossing], number] = True
        pass_gate(life, at[crossing], left[crossing], number, stage[crossing])


def pass_gate(life: Life, at: Ints, times: Floats, number: int, from_stage: Any) -> None:
    deals, log = life.deals, life.log
    log.gates.add(
        times < log.end,
        deal=at.astype(np.int32),
        time=times,
        proof=np.int8(number),
        from_stage=np.asarray(from_stage, dtype=np.int8),
        proven_at=deals.proven_at[at, number],
    )


def tell_proof(life: Life, at: Ints, times: Floats, number: int) -> None:
    """The record of one proof that counts."""
    rng, log = life.rng, life.log
    proof = company.PROOFS[number]
    if number == company.DISCOVERY:
        kind = np.where(rng.random(at.size) < 0.6, company.INTERVIEW, company.DEMO)
        role = rng.choice([company.CHAMPION, company.USER], at.size)
        log.activity(at, times, kind, rng.choice([30, 45, 60, 90], at.size), role=role)
    elif number == company.DECISION_MAKER_DEMO:
        minutes = rng.choice([20, 30, 45, 60], at.size)
        log.activity(at, times, company.DEMO, minutes, role=company.DECISION_MAKER)
    elif number == company.PAIN_POINTS:
        log.fact(at, times, proof.key, rng.integers(1, 7, at.size), answer=NOTHING, kind=proof.kind)
    elif number == company.REVIEW_DATE:
        log.fact(at, times, proof.key, -1, answer=DAY, kind=proof.kind)
    elif proof.key in company.CONFIRMATIONS:
        log.fact(at, times, proof.key, -1, answer=WORDS, kind=proof.kind)
    else:
        log.fact(at, times, proof.key, -1, answer=YES, kind=proof.kind)


def _tell_poor_proof(life: Life, at: Ints, times: Floats, number: int) -> None:
    """A record that looks like proof and is not: too short, called off, without the customer, a no, an opinion."""
    rng, log = life.rng, life.log
    proof = company.PROOFS[number]
    if number == company.DISCOVERY:
        way = rng.integers(0, 3, at.size)
        status = np.where(way == 1, company.CANCELLED, company.HELD)
        minutes = np.where(way == 0, 20, 45)
        log.activity(at, times, company.DEMO, minutes, status=status, is_present=way == 0, role=company.USER)
    elif number == company.DECISION_MAKER_DEMO:
        is_cancelled = rng.random(at.size) < 0.5
        status = np.where(is_cancelled, company.CANCELLED, company.HELD)
        role = np.where(is_cancelled, company.DECISION_MAKER, company.USER)
        log.activity(at, times, company.DEMO, 20, status=status, is_present=~is_cancelled, role=role)
    elif number == company.PAIN_POINTS:
        log.fact(at, times, proof.key, 0, answer=NOTHING, kind=company.RECORDED_EVENT)
    elif proof.key in company.CONFIRMATIONS or number == company.REVIEW_DATE:
        answer = DAY if number == company.REVIEW_DATE else WORDS
        log.fact(at, times, proof.key, -1, answer=answer, kind=company.SELLER_OPINION)
    else:
        says_no = rng.random(at.size) < 0.4
        kind = np.where(says_no, company.CUSTOMER_ACTION, company.SELLER_OPINION)
        log.fact(at, times, proof.key, -1, answer=np.where(says_no, NO, YES), kind=kind)
