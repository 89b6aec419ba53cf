"""The attacks, by family, each named by the rows of the table of attacks that it stands for."""

from . import (
    archives,
    blaming,
    forgery,
    framework,
    gaming,
    imports,
    lateness,
    notebooks,
    order,
    reading,
    resources,
    retrieval,
    scripts,
    shortcuts,
    swelling,
    training,
    values,
    walls,
    weights,
)

ATTACKS = (
    *framework.ATTACKS,
    *imports.ATTACKS,
    *forgery.ATTACKS,
    *walls.ATTACKS,
    *values.ATTACKS,
    *resources.ATTACKS,
    *weights.ATTACKS,
    *archives.ATTACKS,
    *retrieval.ATTACKS,
    *gaming.ATTACKS,
    *shortcuts.ATTACKS,
    *training.ATTACKS,
    *notebooks.ATTACKS,
    *scripts.ATTACKS,
    *blaming.ATTACKS,
    *lateness.ATTACKS,
    *reading.ATTACKS,
    *swelling.ATTACKS,
    *order.ATTACKS,
)
UNTRIED = {
    31: "no language model has a part in any mark",
    58: "submissions are not compared with one another yet",
}
