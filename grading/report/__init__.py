"""What people and machines read of a grading. Every file here is a pure function of `grading.records.Report`.

terminal    what course staff see when the grading ends
page        one self-contained HTML page
gradescope  results.json
prairielearn, junit   the same for PrairieLearn and for continuous integration
record      report.json, the whole record
regrade     what a regrade changed
table       a class at a glance: pandas and CSV
write       puts the files into a folder
"""
