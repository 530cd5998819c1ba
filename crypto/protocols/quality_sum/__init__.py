"""Joint sessions: the sum of the clients' vectors and the sum of their qualities, section 4.3.

Client i uploads (i, y_i, c_i1, c_i2), equations (16) and (17): its vector plus phi times its
quality on every coordinate, under the masks of a masking protocol, and its quality, encrypted by
exponential ElGamal. The server unmasks theta, the sum over the survivors (18), multiplies their
ciphertexts (19), has the product decrypted by e of them (20) to (23), and takes phi times the sum
of qualities off again (24). The stages:

    stage              server to client       client to server      who is left
    key setup          SystemKeyOffer         SystemKeyReceipt      holders of a share
                       (authority: DealtSystemKey; or distributed key generation)
    advertise keys     QualityInvitation      of the masking        P1
    share keys         of the masking         of the masking        P2
    masked input       of the masking         QualityUpload         P3
    ... recovery, or consistency and unmasking, of the masking ...  P4
    decryption         HelpRequest, or        PartialDecryption     P5
                       CheckedHelpRequest

Key set-up takes place when a cohort has members without a share of the system key. If one of P5
does not answer, another random set is asked, as long as e are left of P4. An upload counts whole or
not at all: both sums are over the same survivors.

`joint.py` runs a session, over the roles in `client.py` (`encryption.py`, `decryption_helper.py`)
and `server.py` (`decryption.py`); `key_setup.py` and `key_sources.py` make system keys;
`session.py` has the two schemes. What the qualities are, equations (12) to (15), is not this
package's concern: integers come in, and their sum goes out.

    QualitySum            pairwise masking; keys dealt by an authority, or the clients' own
    HardenedQualitySum    double masking, signed; proofs; helpers check what they decrypt

Guarantees, for fewer than e colluding clients:

    correctness   both sums are exact if at least e clients are left in every stage
    privacy       of `QualitySum`: if all follow the protocol, the server learns theta and the sum
                  of qualities, so the two sums, alone. Of `HardenedQualitySum`: also if server and
                  colluders do not, where double masking's condition 2 e > n + c holds
    honesty       with proofs, a quality outside its range and a false partial decryption are
                  refused and named. Nothing binds a vector to the quality beside it

Not guaranteed, as the tests carry out. Of `QualitySum`: an upload that arrives after its sender
was declared dropped lies open to the server, and phi times the quality hides nothing of it, since
qualities have few values; the server can have a single client's quality decrypted; an authority
that does not forget reads all. Of both: the sum of few qualities says much about each; a client
can report a false quality within the range; if a session ends in the decryption, theta is known.
"""
