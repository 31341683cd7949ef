"""Published ratings, and random ones, as rows of unit, worker and label."""

from hypothesis import strategies as st

from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.base import Answers

#: Reliability data of Krippendorff 2011, section E: observers A to D, units 1 to 12.
KRIPPENDORFF = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")

#: Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses.
FLEISS = (
    *("00060", "03003", "01401", "00006", "03030", "20400", "00402", "20310", "20040", "00006"),
    *("10050", "11040", "03300", "10050", "02031", "00501", "30012", "51000", "02040", "10203"),
    *("00006", "01050", "02013", "20040", "10041", "05010", "40002", "02040", "10500", "00006"),
)

#: (unit, worker, label)
Rows = list[tuple[int, int, int]]

#: Random rows with one answer per worker and unit.
ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 3)), max_size=40, unique_by=lambda row: row[:2]
)


def krippendorff() -> Rows:
    return [(u, w, int(c)) for w, row in enumerate(KRIPPENDORFF) for u, c in enumerate(row) if c != "."]


def fleiss() -> Rows:
    out: Rows = []
    for unit, counts in enumerate(FLEISS):
        labels = [label for label, n in enumerate(counts) for _ in range(int(n))]
        out += [(unit, worker, label) for worker, label in enumerate(labels)]
    return out


def ratings(rows: Rows) -> Ratings:
    task, worker, label = zip(*rows, strict=True) if rows else ((), (), ())
    return Ratings.of(Answers.of(task, worker, label))
