"""Secure sums that clients can check: a server that changes the sum is found out.

Around a protocol that masks, or the paper's scheme V over one:

    commitment    every client commits to its vector, by commitments that add up, and signs that;
                  with a bound on norms it proves that the vector's is within it, and who does not
                  is left out
    upload        every client is told of all commitments before it uploads; behind its vector it
                  uploads what opens its commitment, so that both are summed and neither is shown
    verification  the server publishes the sum, what opens it, and the survivors' signed
                  commitments, under its own signature; every client checks that the sum opens their
                  sum, and says so by a signed receipt

Invitation, published sum and nothing else are the transcript, by which anybody can check it later.

Guarantees: who finds a sum right knows that it is the sum of the vectors that the survivors had
committed to before any of them uploaded, each of whom the server cannot speak for. Clients that
collude with the server can commit to what they like, but not choose it after they saw the sum. The
server learns what it learns without: the commitments hide their vectors also when their sum is
opened, see `crypto.commitments.parameters`.

With a bound on norms, whoever checks the transcript knows as well that the norm of the part of each
survivor's vector that is bounded is within it, up to the probability of `crypto.norm_proofs`; a
client that is told the sum alone takes the server's word for that.

Does not say: who is to blame if a sum is not right. A server that changed it, and a client that
committed to something else than it uploaded, leave the same trace; a server that follows the
protocol finds the latter itself, and ends the session. Nor that a vector is what it should be,
that all who uploaded are in the sum, where clients agree on no survivors (scheme V as the paper has
it), or that all clients were shown the same sum, unless they compare what they signed.

Sums are of integers whose sum cannot leave -2^(k-1)..2^(k-1)-1: those of `Terms.share` each.

Source: Ajtai 1996 (the hash); Guo et al. 2021, VeriFL (commitments that add up, for verified sums).
"""
