# shellcheck shell=sh disable=SC2154
# An Elastic IP: clients come from the internet; pgpool stands in a public subnet; zones may differ.
allocation=@@allocation@@
if [ "$verb" = escalation ]; then
  own instance-id
  aws_run ec2 associate-address --allocation-id "$allocation" --instance-id "$answer" --allow-reassociation ||
    die "the address $allocation was not moved here: $why"
elif [ -n "$dry" ]; then
  aws_run ec2 disassociate-address --association-id OWN-association
else
  # Only while it is ours: the new leader may have it already.
  own instance-id
  instance=$answer
  aws_ask ec2 describe-addresses --allocation-ids "$allocation" --query 'Addresses[0].[InstanceId,AssociationId]' ||
    die "the address $allocation cannot be looked at: $why"
  # shellcheck disable=SC2086
  set -- $answer
  if [ "${1:-}" = "$instance" ] && ! aws_run ec2 disassociate-address --association-id "$2"; then
    case $why in
    *'(InvalidAssociationID.NotFound)'*) say "the address $allocation is not ours any more" ;;
    *) die "the address $allocation was not let go: $why" ;;
    esac
  fi
fi
finish
