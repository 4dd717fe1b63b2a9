"""A demo company: a world of deals with known true hazards, written as the extracts that its CRM would give.

`company` says who the company is (people, products, wording), `hazards` how its deals truly move, `calendar` how
time passes, `world` lives it once (`simulate`), `extracts` tells of it night by night, `truth` keeps what really
was beside the extracts, for tests, and `prepare` does all of it in one home (`stageproof demo`).

Nothing here is read by the nightly pipeline: it sees the extracts alone, as of any other company. No Dagster, no
database, no clock of the machine, and no loop over deals.
"""
