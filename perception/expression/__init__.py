"""Basic and compound facial expressions from face crops. See predictor.py (use), train.py (make) and labels.py."""

from perception.expression.labels import COMPOUNDS
from perception.expression.predictor import Expressions, Predictor, load_custom

__all__ = ["COMPOUNDS", "Expressions", "Predictor", "load_custom"]
