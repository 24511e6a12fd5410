"""The teachers of a study: members of an ensemble, and generations that teach one another."""

from pareto_search.config import TeacherSettings
from pareto_search.networks.job import NetworkJob


def teacher_generations(settings: TeacherSettings) -> list[list[NetworkJob]]:
    """The teachers to train, generation by generation; the last one teaches the students.

    All have one architecture and the members' seeds. The first generation learns from the data alone, each later one
    also from the labels of the one before.
    """
    first = settings.weights, settings.training
    again = settings.born_again
    later = [(again.weights, again.training)] * again.n_generations if again else []
    return [
        [
            NetworkJob(
                stage="teacher",
                role="teacher",
                architecture=settings.architecture,
                weights=weights,
                training=training,
                seed=settings.seed + member,
                generation=generation,
                member=member,
            )
            for member in range(settings.n_members)
        ]
        for generation, (weights, training) in enumerate([first, *later])
    ]
