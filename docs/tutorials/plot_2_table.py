"""
A table with scikit-learn, from data to audit
=============================================

Any function to probabilities can be explained: here a pipeline of scikit-learn on 569 patients.
"""

# %%
# The model, as everybody makes it.

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import xai

table = load_breast_cancer()
train, test, train_labels, labels = train_test_split(
    table.data.astype("float32"), table.target, test_size=0.3, random_state=0, stratify=table.target
)
pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(60, random_state=0)).fit(train, train_labels)

# %%
# One line tells the toolkit what goes in and what comes out.

columns = xai.TabularInput(table.feature_names.tolist())
model = xai.Model.from_callable(pipeline.predict_proba, classes=["malignant", "benign"], input=columns)

# %%
# One patient. LIME fits a linear model around the row; whiskers say how far the weights depend on the samples
# drawn.

from xai import plots

one = xai.lime_tabular(model, test[:1], "malignant", background=train, samples=1000)
plots.bar(one).figure

# %%
# Shapley values add up, so a waterfall can show how they do.

many = xai.kernel_shap(model, test[:40], "malignant", background=train[:10], samples=128)
plots.waterfall(many).figure

# %%
# Many patients: a point per patient and column, colored by the number in the column.

plots.beeswarm(many).figure

# %%
# The model as a whole: what it loses when a column is shuffled.

xai.permutation_importance(model, test, labels, repeats=3).plot()

# %%
# And the audit: is it right for the right reasons? Each finding has a limit, an interval and a sentence.

audit_data = xai.AuditData(test, labels, train=(train, train_labels))
result = xai.audit(model, audit_data, ["performance", "calibration"])
for finding in result.findings:
    print(f"{finding.check:28} {finding.status:10} {finding.text}")
