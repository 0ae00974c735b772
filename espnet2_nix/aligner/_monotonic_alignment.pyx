# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Monotonic alignment search (VITS, arXiv 2106.06103, appendix A): the kernel; the wrapper checks its arguments."""

from cython.parallel import prange

cdef float NEVER = -3.0e38  # below any real score, above -inf, so that sums of it stay ordered


cdef void search_one(
    const float* log_p, Py_ssize_t stride, float* attn, float* value, signed char* stayed,
    Py_ssize_t num_frames, Py_ssize_t num_tokens,
) noexcept nogil:
    """Best path of one item. value (num_tokens,) rolls over frames; stayed (num_frames, num_tokens) points back."""
    cdef Py_ssize_t t, j, first, last
    cdef float score, stay, advance
    for j in range(num_tokens):
        value[j] = NEVER
    value[0] = log_p[0]
    for t in range(1, num_frames):
        # Token j is reachable at frame t only if enough frames lie before it and enough after it.
        first = num_tokens - (num_frames - t)
        if first < 0:
            first = 0
        last = t if t < num_tokens - 1 else num_tokens - 1
        for j in range(last, first - 1, -1):
            stay = value[j]
            advance = value[j - 1] if j > 0 else NEVER
            if j == t:
                stay = NEVER  # one token a frame so far: it cannot have been here before
            score = log_p[t * stride + j]
            if score < NEVER:
                score = NEVER
            if j == t or advance > stay:
                stayed[t * num_tokens + j] = 0
                value[j] = advance + score
            else:
                stayed[t * num_tokens + j] = 1
                value[j] = stay + score
            if value[j] < NEVER:
                value[j] = NEVER
    j = num_tokens - 1
    for t in range(num_frames - 1, -1, -1):
        attn[t * stride + j] = 1.0
        if t > 0 and j > 0 and (j == t or stayed[t * num_tokens + j] == 0):
            j = j - 1


def search(
    const float[:, :, ::1] log_p_attn,
    const long long[::1] text_lengths,
    const long long[::1] feats_lengths,
    float[:, :, ::1] attn,
    float[:, ::1] value,
    signed char[:, :, ::1] stayed,
):
    """Fills attn (B, T_feats, T_text), given zeroed, with the best path of each item; parallel over the batch."""
    cdef Py_ssize_t b, num_items = log_p_attn.shape[0]
    cdef Py_ssize_t stride = log_p_attn.shape[2]
    for b in prange(num_items, nogil=True, schedule="dynamic"):
        search_one(
            &log_p_attn[b, 0, 0], stride, &attn[b, 0, 0], &value[b, 0], &stayed[b, 0, 0],
            feats_lengths[b], text_lengths[b],
        )
