"""LTI 1.3 with its Advantage services: launches from a learning management system, its roster, and grades back to it.

    platform ── /lti/login ──> we send the browser back to confirm, with a state and a nonce
    platform ── /lti/launch ─> `messages` checks the signed message, `launches` keeps it, the person finishes it
    roster   <── names and roles of a course over there (NRPS)
    scores   what each column of grades shall have, from the grade book
    sender   ──> the platform's columns of grades (AGS)

Sources: IMS Security Framework 1.0, LTI 1.3 Core, Deep Linking 2.0, Names and Role Provisioning Services 2.0,
Assignment and Grade Services 2.0.
"""
