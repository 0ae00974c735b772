# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Monotonic alignment search (VITS, arXiv 2106.06103, appendix A): the kernel; the wrapper checks its arguments."""

from cython.parallel import prange

cdef float NEVER = -3.0e38  # below any real score, above -inf, so that sums of it stay ordered


cdef int next_row(
    const float* log_p, const float* before, float* after, signed char* stayed, Py_ssize_t num_tokens
) noexcept nogil:
    """One frame: after[j + 1] = max(before[j + 1], before[j]) + log_p[j], all tokens at once.

    No branch and no dependence between tokens, so that the compiler makes vectors of it. Rows begin with a cell that no
    path can be in. Returns whether a score is NaN.
    """
    cdef Py_ssize_t j
    cdef float score, stay, advance, best, low = NEVER
    cdef int bad = 0
    for j in range(num_tokens):
        score = log_p[j]
        bad |= score != score
        score = score if score > low else low
        stay = before[j + 1]
        advance = before[j]
        best = advance if advance > stay else stay
        stayed[j] = advance <= stay
        best = best + score
        after[j + 1] = best if best > low else low
    return bad


cdef int search_one(
    const float* log_p, Py_ssize_t stride, long long* durations, float* rows, signed char* stayed,
    Py_ssize_t num_frames, Py_ssize_t num_tokens,
) noexcept nogil:
    """Frames of each token on the best path of one item.

    Args: rows (2, num_tokens + 1) roll over frames; stayed (num_frames, num_tokens) points back.
    """
    cdef Py_ssize_t t, j
    cdef float* before = rows
    cdef float* after = rows + num_tokens + 1
    cdef float* swap
    cdef int bad = 0
    for j in range(num_tokens + 1):
        before[j] = NEVER
    after[0] = NEVER
    before[0] = 0.0  # the way into the first token, which the first frame alone may take
    for t in range(num_frames):
        bad |= next_row(log_p + t * stride, before, after, stayed + t * num_tokens, num_tokens)
        if t == 0:
            before[0] = NEVER
        swap = before
        before = after
        after = swap
    for j in range(num_tokens):
        durations[j] = 0
    j = num_tokens - 1
    for t in range(num_frames - 1, -1, -1):
        durations[j] += 1
        # With as many frames before it as tokens, a token cannot have been here before.
        if j > 0 and (j == t or stayed[t * num_tokens + j] == 0):
            j = j - 1
    return bad


def search(
    const float[:, :, ::1] log_p_attn,
    const long long[::1] text_lengths,
    const long long[::1] feats_lengths,
    long long[:, ::1] durations,
    float[:, ::1] rows,
    signed char[:, ::1] stayed,
    int[::1] bad,
):
    """Fills durations (B, T_text), given zeroed, with the best path of each item; parallel over the batch.

    rows (B, 2 T_text + 2) and stayed (B, T_feats T_text) are room to work in; bad (B,) tells which item holds NaN.
    """
    cdef Py_ssize_t b, num_items = log_p_attn.shape[0]
    cdef Py_ssize_t stride = log_p_attn.shape[2]
    for b in prange(num_items, nogil=True, schedule="dynamic"):
        bad[b] = search_one(
            &log_p_attn[b, 0, 0], stride, &durations[b, 0], &rows[b, 0], &stayed[b, 0], feats_lengths[b], text_lengths[b]
        )
